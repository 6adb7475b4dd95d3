"""The demo's world: a maker of plant software, its market, and eighteen months of its funnel, played with dice.

`build()` makes it, the same one for the same seed and day. Everything in it is invented, carries the source `demo` and
is there to be found; mail goes to .example domains, and private addresses are marked so that they are nobody's.

Stories planted in it (`stories.py`), and where they show as of now:

| story                       | who, what                                        | where to look                     |
|-----------------------------|--------------------------------------------------|-----------------------------------|
| an overloaded rep           | Jonas Petersen, MQLs undecided for six weeks     | leads at MQL, by owner            |
| MQLs of the wrong profile   | "Webinar: Downtime, measured", began 96 days ago | Campaigns; its disqualified leads |
| a misfiring rule            | "Attended a webinar" gives too many points       | Model quality, what to try        |
| a region beats the standard | Nordics, MQL to SAL and SAL to SQL               | Overview, region Nordics          |
| a bottleneck                | team SDR France & South, SAL to SQL is slow      | Overview, France, Southern Europe |
| leads that nobody owns      | CEE: Milan Dvořák left five weeks ago            | leads at MQL, CEE, without owner  |
| a single-threaded deal      | Nordwerk Pumpen GmbH, one contact, 186,000 euros | lead Rafael Moretti               |
| an account of five people   | Alpina Verpackung GmbH, a deal with five roles   | lead Katharina Seidl              |
| duplicate people            | Sabine Reuter by work and by private mail; one   | leads Reuter                      |
|                             | in 250 others                                    |                                   |
| a returned SQL              | Mikko Laaksonen; one SQL in 25                   | lead Laaksonen, its timeline      |
| a fresh list for Mara       | five people, MQLs of the last days               | leads at MQL, owner Mara          |
"""

from demandcenter.demo_world.world import Made, build

__all__ = ["Made", "build"]
