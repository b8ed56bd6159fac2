"""The words and sentences of which the synthetic reviews are made.

A template's words in braces are slots. A star marks a word that decides the label together with
the sentiment slots (adjective, verb, noun), unless the template is an aside.
"""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# Words of sentiment: SENTIMENT[slot][polarity], polarity 0 negative and 1 positive.
SENTIMENT = {
    "adjective": (
        _words("""
        abysmal annoying appalling atrocious awful awkward bad bland boring botched clumsy clunky
        disappointing dismal dreadful dreary dull feeble flimsy forgettable frustrating ghastly
        hideous horrible horrid incompetent inept infuriating insufferable irritating lame
        laughable lifeless lousy mediocre messy miserable pathetic pointless poor ridiculous
        second-rate shallow shoddy sloppy stale terrible tiresome ugly unbearable unconvincing
        uninspired weak worthless wretched
        """),
        _words("""
        admirable adorable amazing awesome beautiful brilliant captivating charming clever
        compelling convincing delightful elegant enchanting engaging enjoyable excellent
        exceptional exquisite fabulous fantastic first-rate flawless glorious good graceful great
        gripping impressive inspired irresistible likeable lovely magnificent marvellous masterful
        memorable outstanding perfect pleasant polished refreshing remarkable rewarding satisfying
        spectacular splendid stunning sublime superb terrific thoughtful thrilling wonderful
        worthwhile
        """),
    ),
    "verb": (
        _words("abhorred despised detested disliked hated loathed regretted resented"),
        _words("admired adored cherished enjoyed liked loved relished treasured"),
    ),
    "noun": (
        _words("""
        bore chore disaster disgrace failure fiasco flop letdown mess nuisance shambles travesty
        """),
        _words("""
        delight gem joy marvel masterpiece pleasure success treasure treat triumph winner wonder
        """),
    ),
}

# What can be reviewed.
THINGS = {
    "film": _words("""
        cartoon comedy documentary drama film movie musical remake sequel thriller western
        """),
    "book": _words("""
        anthology atlas biography book cookbook diary handbook memoir novel saga textbook
        """),
    "device": _words("""
        blender camera headset kettle keyboard laptop phone printer radio speaker tablet toaster
        vacuum
        """),
}

# What can be said to be good or bad about them.
DETAILS = {
    "film": _words("""
        acting camerawork cast dialogue direction editing ending lighting pacing plot score
        screenplay script soundtrack
        """),
    "book": _words("""
        artwork cover foreword index layout narrator prologue prose storyline translation wording
        """),
    "device": _words("""
        battery build charger design display finish handle interface manual menu motor software
        sound switch
        """),
}

# Words without sentiment. "other" holds what a review may mention but does not review.
FILLERS = {
    "adverb": _words("""
        absolutely altogether completely frankly genuinely honestly particularly quite rather
        really simply thoroughly truly utterly very
        """),
    "person": _words("""
        aunt boss brother colleague cousin dentist father flatmate friend grandfather landlord
        mother neighbour nephew niece partner sister teacher uncle
        """),
    "other": _words("""
        bakery bus cafe cashier cinema courier crowd foyer hotel journey lift parking popcorn queue
        receptionist restaurant shop taxi train usher waiter warehouse weather website
        """),
    "day": _words("monday tuesday wednesday thursday friday saturday sunday"),
    "month": _words("""
        january february march april may june july august september october november december
        """),
    "city": _words("""
        athens berlin cardiff dublin geneva hamburg kyoto leeds lisbon madrid oslo paris prague
        quebec rome seville toronto vienna warsaw york
        """),
    "number": _words("two three four five six seven eight nine ten eleven twelve fifteen twenty"),
    "colour": _words("beige black blue brown green grey orange purple red silver white yellow"),
    "place": _words("attic bedroom garage garden kitchen library lounge office"),
}

CLAIMS = (
    "the {part} was {adverb} {adjective}",
    "the {part} was {adjective}",
    "the {part} itself seemed {adjective} to me",
    "i found the {part} {adverb} {adjective}",
    "the {part} turned out to be {adjective}",
    "everything about the {part} felt {adjective}",
    "what a {adjective} {thing} this is",
    "the {detail} of this {thing} was {adjective}",
    "as for the {part} , i {verb} it",
    "i {verb} the {part} from start to finish",
    "we all {verb} the {part}",
    "for me the {part} is a {noun}",
    "the {part} turned out to be a {noun}",
)
NEGATED_CLAIMS = (
    "the {part} was *not {adjective}",
    "the {part} was *not {adverb} {adjective}",
    "the {part} was *hardly {adjective}",
    "the {part} was *never {adjective} in my eyes",
    "the {part} was *far *from {adjective}",
    "the {part} was *anything *but {adjective}",
    "i did *not find the {part} {adverb} {adjective}",
    "i would *not call the {part} {adjective}",
    "*nobody could call the {part} {adjective}",
    "*nothing about the {part} felt {adjective}",
    "i *never {verb} the {part}",
    "for me the {part} is *not a {noun}",
    "the {part} is *hardly a {noun}",
)
ASIDES = (
    "my {person} {verb} the {other}",
    "the {other} was {adverb} {adjective}",
    "the {other} seemed {adjective} to my {person}",
    "i found the {other} {adjective}",
    "the {other} in {city} was a {noun}",
    "my previous {thing} was {adjective}",
    "the previous {thing} turned out to be a {noun}",
)
NEGATED_ASIDES = (
    "the {other} was *not {adjective}",
    "my {person} *never {verb} the {other}",
    "*nothing about the {other} felt {adjective}",
    "my previous {thing} was *hardly {adjective}",
)

# "but" and its like are no joints: they would let the polarity of an aside tell the label.
JOINTS = (", and", ", while", ";", ".", ". meanwhile ,", ", and by the way")

# Sentences that judge nothing, some of them with a negator; "any" serves every domain.
NEUTRAL = {
    "any": (
        "it was a gift from my {person}",
        "my {person} told me about it in {month}",
        "i am writing this on a {day} morning",
        "this is review number {number} of mine this year",
        "i do not write reviews very often",
        "i had never heard of it before {month}",
        "nobody asked me to write this",
        "i paid {number} euros for it",
        "it comes from a small company in {city}",
        "there were {number} of us in the {place}",
        "it is now {month} and we live in {city}",
        "my {person} keeps it in the {place}",
    ),
    "film": (
        "i saw it on a {day} evening in {city}",
        "it runs for about {number} hours",
        "the story is set in {city} in {month}",
        "we watched it in the {place} with my {person}",
        "it is not the first {thing} by this director",
    ),
    "book": (
        "i read it on the way to {city}",
        "it has {number} chapters and a {colour} spine",
        "the action moves from {city} to {city}",
        "my {person} borrowed it until {month}",
        "i have not read anything else by this author",
    ),
    "device": (
        "it arrived on {day} in a {colour} box",
        "it stands in the {place} next to the {colour} lamp",
        "we use it about {number} times a week",
        "mine is the {colour} one made in {city}",
        "it does not come with a spare cable",
    ),
}
