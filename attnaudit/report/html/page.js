(function () {
  "use strict";
  var form = document.getElementById("filter");
  if (!form) { return; }
  var maps = Array.prototype.slice.call(document.querySelectorAll("section.heatmap"));
  var said = document.getElementById("filtered");
  var fields = Array.prototype.slice.call(form.querySelectorAll("[data-by]"));
  function shows(map) {
    return fields.every(function (field) {
      var wanted = field.value, by = field.getAttribute("data-by");
      var found = map.getAttribute("data-" + by) || "";
      if (wanted === "") { return true; }
      return by === "id" ? found.toLowerCase().indexOf(wanted.toLowerCase()) >= 0 : found === wanted;
    });
  }
  function filter() {
    var left = 0;
    maps.forEach(function (map) {
      var shown = shows(map);
      map.hidden = !shown;
      left += shown ? 1 : 0;
    });
    said.textContent = left + " of " + maps.length + " shown";
  }
  form.hidden = false;
  form.addEventListener("input", filter);
  filter();
})();
