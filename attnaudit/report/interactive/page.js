"use strict";
(() => {
  const content = JSON.parse(document.getElementById("content").textContent);
  const at = (id) => document.getElementById(id);

  // Arrays: {shape, data}, row by row, in float64 but for what the page brings.

  const count = (shape) => shape.reduce((a, b) => a * b, 1);
  const unpacked = ({ shape, data }) => {
    const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
    const view = new DataView(bytes.buffer);
    const numbers = new Float32Array(bytes.length / 4);
    for (let i = 0; i < numbers.length; i++) numbers[i] = view.getFloat32(4 * i, true);
    return { shape, data: numbers };
  };
  const strides = (shape) => {
    const found = new Array(shape.length);
    for (let i = shape.length - 1, step = 1; i >= 0; i--) {
      found[i] = step;
      step *= shape[i];
    }
    return found;
  };
  // A new array of that shape, whose number at an index stands in x at offset + index . steps.
  const gathered = (x, shape, steps, offset = 0) => {
    const total = count(shape);
    const data = new Float64Array(total);
    const index = new Array(shape.length).fill(0);
    for (let i = 0, from = offset; i < total; i++) {
      data[i] = x.data[from];
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        from += steps[axis];
        if (++index[axis] < shape[axis]) break;
        from -= steps[axis] * shape[axis];
        index[axis] = 0;
      }
    }
    return { shape, data };
  };
  const spread = (x, shape) => {
    const own = strides(x.shape);
    const lead = shape.length - x.shape.length;
    const steps = shape.map((_, i) => (i < lead || x.shape[i - lead] === 1 ? 0 : own[i - lead]));
    return gathered(x, shape, steps);
  };
  const common = (a, b) => {
    const rank = Math.max(a.shape.length, b.shape.length);
    const size = (x, i) => x.shape[i - rank + x.shape.length] ?? 1;
    return Array.from({ length: rank }, (_, i) => (size(a, i) === 1 ? size(b, i) : size(a, i)));
  };

  // The error function: a series near zero, a continued fraction beyond.
  const erf = (x) => {
    const z = Math.abs(x);
    if (z > 6) return Math.sign(x);
    if (z < 2.5) {
      let term = z;
      let sum = z;
      for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum) && n < 200; n++) {
        term *= (-z * z) / n;
        sum += term / (2 * n + 1);
      }
      return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI);
    }
    let fraction = z;
    for (let n = 60; n > 0; n--) fraction = z + n / 2 / fraction;
    return Math.sign(x) * (1 - Math.exp(-z * z) / fraction / Math.sqrt(Math.PI));
  };
  const sigmoid = (x) => 1 / (1 + Math.exp(-x));
  const UNARY = {
    tanh: Math.tanh,
    sigmoid,
    relu: (x) => Math.max(x, 0),
    silu: (x) => x * sigmoid(x),
    gelu: (x) => (x * (1 + erf(x / Math.SQRT2))) / 2,
    gelu_tanh: (x) => (x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))) / 2,
    exp: Math.exp,
    neg: (x) => -x,
    rsqrt: (x) => 1 / Math.sqrt(x),
    sqrt: Math.sqrt,
  };
  const BINARY = {
    add: (a, b) => a + b,
    sub: (a, b) => a - b,
    mul: (a, b) => a * b,
    div: (a, b) => a / b,
    pow: (a, b) => a ** b,
  };
  const STEPS = {
    reshape: ([x], { shape }) => ({ shape, data: x.data }),
    expand: ([x], { shape }) => spread(x, shape),
    transpose: ([x], { dims }) => {
      const own = strides(x.shape);
      return gathered(x, dims.map((d) => x.shape[d]), dims.map((d) => own[d]));
    },
    slice: ([x], { dim, start, length, step }) => {
      const own = strides(x.shape);
      const shape = x.shape.map((size, i) => (i === dim ? length : size));
      return gathered(x, shape, own.map((s, i) => (i === dim ? s * step : s)), own[dim] * start);
    },
    cat: (parts, { dim }) => {
      const shape = [...parts[0].shape];
      shape[dim] = parts.reduce((sum, part) => sum + part.shape[dim], 0);
      const inner = count(shape.slice(dim + 1));
      const outer = count(shape.slice(0, dim));
      const data = new Float64Array(count(shape));
      let place = 0;
      for (let i = 0; i < outer; i++)
        for (const part of parts) {
          const size = part.shape[dim] * inner;
          data.set(part.data.subarray(i * size, (i + 1) * size), place);
          place += size;
        }
      return { shape, data };
    },
    matmul: ([a, b]) => {
      const [n, rows, inner] = a.shape;
      const columns = b.shape[2];
      const data = new Float64Array(n * rows * columns);
      for (let batch = 0; batch < n; batch++)
        for (let i = 0; i < rows; i++) {
          const to = (batch * rows + i) * columns;
          for (let k = 0; k < inner; k++) {
            const weight = a.data[(batch * rows + i) * inner + k];
            if (weight === 0) continue;
            const from = (batch * inner + k) * columns;
            for (let j = 0; j < columns; j++) data[to + j] += weight * b.data[from + j];
          }
        }
      return { shape: [n, rows, columns], data };
    },
    norm: ([x], { size, eps }) => {
      const data = new Float64Array(x.data.length);
      for (let from = 0; from < data.length; from += size) {
        let mean = 0;
        let square = 0;
        for (let i = 0; i < size; i++) mean += x.data[from + i] / size;
        for (let i = 0; i < size; i++) square += (x.data[from + i] - mean) ** 2 / size;
        const scale = 1 / Math.sqrt(square + eps);
        for (let i = 0; i < size; i++) data[from + i] = (x.data[from + i] - mean) * scale;
      }
      return { shape: x.shape, data };
    },
    sum: ([x], { dims, scale }) => {
      const shape = x.shape.map((size, i) => (dims.includes(i) ? 1 : size));
      const own = strides(shape).map((s, i) => (dims.includes(i) ? 0 : s));
      const data = new Float64Array(count(shape));
      const places = gathered(
        { shape, data: Float64Array.from({ length: count(shape) }, (_, i) => i) }, x.shape, own,
      ).data;
      for (let i = 0; i < x.data.length; i++) data[places[i]] += x.data[i] * scale;
      return { shape, data };
    },
  };
  for (const [name, f] of Object.entries(UNARY))
    STEPS[name] = ([x]) => ({ shape: x.shape, data: Float64Array.from(x.data, f) });
  for (const [name, f] of Object.entries(BINARY))
    STEPS[name] = ([a, b]) => {
      const shape = common(a, b);
      const left = spread(a, shape).data;
      const right = spread(b, shape).data;
      return { shape, data: left.map((value, i) => f(value, right[i])) };
    };

  const arrays = content.arrays.map(unpacked);
  const answerOf = (text, alpha) => {
    const [heads, positions] = text.own.shape;
    const values = [{ shape: [1, 1, heads, positions], data: alpha }];
    for (const number of text.constants) values.push(arrays[number]);
    for (const [kind, takes, said] of text.steps)
      values.push(STEPS[kind](takes.map((i) => values[i]), said));
    const logits = Array.from(values[values.length - 1].data);
    const most = Math.max(...logits);
    const parts = logits.map((x) => Math.exp(x - most));
    const sum = parts.reduce((a, b) => a + b, 0);
    return parts.map((x) => x / sum);
  };

  // Weights of words to weights of positions: each head keeps its mass on the words, and inside a
  // word its own proportions.
  const placed = (text, weights) => {
    const [heads, positions] = text.own.shape;
    const alpha = Float64Array.from(text.own.data);
    for (let h = 0; h < heads; h++) {
      const from = h * positions;
      const inWord = new Array(weights.length).fill(0);
      const pieces = new Array(weights.length).fill(0);
      let mass = 0;
      for (let t = 0; t < positions; t++) {
        const word = text.words[t];
        if (word < 0) continue;
        inWord[word] += alpha[from + t];
        pieces[word] += 1;
        mass += alpha[from + t];
      }
      for (let t = 0; t < positions; t++) {
        const word = text.words[t];
        if (word < 0) continue;
        const share = inWord[word] > 0 ? alpha[from + t] / inWord[word] : 1 / pieces[word];
        alpha[from + t] = mass * weights[word] * share;
      }
    }
    return alpha;
  };

  const texts = content.texts.map((text) => ({ ...text, own: unpacked(text.alpha) }));
  for (const text of texts) text.answer = answerOf(text, Float64Array.from(text.own.data));

  const normalised = (weights) => {
    const sum = weights.reduce((a, b) => a + b, 0);
    return sum > 0 ? weights.map((w) => w / sum) : weights.map(() => 1 / weights.length);
  };
  const random = (n) =>
    normalised(Array.from({ length: n }, () => -Math.log(1 - Math.random())));
  const jsd = (p, q) => {
    const term = (a, m) => (a > 0 ? a * Math.log(a / m) : 0);
    return p.reduce((sum, a, i) => {
      const m = (a + q[i]) / 2;
      return sum + term(a, m) / 2 + term(q[i], m) / 2;
    }, 0);
  };

  const state = { text: texts[0], weights: [], chosen: null };

  const element = (name, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  };
  const percent = (x) => `${(100 * x).toFixed(1)} %`;

  const choices = (text) => [
    ["the model's own", null],
    ...text.rows.slice(1).map((row) => [row.name, normalised(row.weights)]),
    ["uniform", text.tokens.map(() => 1 / text.tokens.length)],
    ["random", undefined],
  ];

  const choose = (name, weights) => {
    const { text } = state;
    state.chosen = name;
    if (weights === undefined) state.weights = random(text.tokens.length);
    else state.weights = weights ?? normalised(text.rows[0].weights);
    state.own = weights === null;
    render();
  };
  const move = (word, value) => {
    const rest = state.weights.reduce((sum, w, i) => (i === word ? sum : sum + w), 0);
    const others = state.weights.length - 1;
    state.weights = state.weights.map((w, i) => {
      if (i === word) return others ? value : 1;
      return rest > 1e-12 ? (w * (1 - value)) / rest : (1 - value) / others;
    });
    state.own = false;
    state.chosen = null;
    render();
  };

  const render = () => {
    const { text } = state;
    const alpha = state.own ? Float64Array.from(text.own.data) : placed(text, state.weights);
    const now = answerOf(text, alpha);
    state.now = now;
    const said = now.indexOf(Math.max(...now));
    content.labels.forEach((label, c) => {
      const line = at("classes").children[c];
      line.querySelector("i").style.width = `${100 * now[c]}%`;
      line.querySelector("b").style.left = `calc(${100 * text.answer[c]}% - 1px)`;
      line.lastChild.textContent = `${percent(now[c])} (was ${percent(text.answer[c])})`;
    });
    const before = text.answer.indexOf(Math.max(...text.answer));
    at("verdict").textContent =
      said === before
        ? `The answer stays ${content.labels[before]}.`
        : `The answer changes from ${content.labels[before]} to ${content.labels[said]}.`;
    const tvd = now.reduce((sum, p, c) => sum + Math.abs(p - text.answer[c]) / 2, 0);
    const apart = jsd(state.weights, normalised(text.rows[0].weights));
    at("distance").textContent =
      `The answer has moved by ${tvd.toFixed(3)} (TVD, from 0 to 1) and the weights by ` +
      `${apart.toFixed(3)} (JSD, from 0 to 0.693).`;
    const largest = Math.max(...state.weights, 1e-12);
    state.weights.forEach((weight, i) => {
      const [word, output, input] = at("words").children[i].children;
      const level = Math.floor((5 * weight) / largest + 0.5);
      word.style.background = level ? `var(--w${level})` : "";
      word.style.borderBottomWidth = `${level}px`;
      output.textContent = weight.toFixed(3);
      if (document.activeElement !== input || state.chosen) input.value = String(weight);
    });
    for (const button of at("choices").children)
      button.setAttribute("aria-pressed", String(button.textContent === state.chosen));
    document.body.dataset.answer = JSON.stringify(now);
  };

  const show = (number) => {
    const text = texts[number];
    state.text = text;
    at("about").textContent =
      `The model answers ${content.labels[text.predicted]}. ` +
      `The data say ${content.labels[text.gold]}.`;
    at("choices").replaceChildren(
      ...choices(text).map(([name, weights]) =>
        element("button", { type: "button", textContent: name, onclick: () => choose(name, weights) }),
      ),
    );
    at("words").replaceChildren(
      ...text.tokens.map((token, i) =>
        element("label", { className: "word" },
          element("span", { textContent: token }),
          element("output"),
          element("input", {
            type: "range", min: "0", max: "1", step: "any",
            ariaLabel: `weight of ${token}`,
            oninput: (event) => move(i, Number(event.target.value)),
          }),
        ),
      ),
    );
    choose("the model's own", null);
  };

  at("classes").replaceChildren(
    ...content.labels.map((label) =>
      element("div", { className: "class" },
        element("span", { textContent: label }),
        element("div", { className: "bar" }, element("i"), element("b")),
        element("span"),
      ),
    ),
  );
  at("text").append(
    ...texts.map((text, i) =>
      element("option", { value: String(i), textContent: `${text.id}: ${text.tokens.join(" ").slice(0, 60)}` }),
    ),
  );
  at("text").onchange = (event) => show(Number(event.target.value));
  show(0);
})();
