"""Words that a report may have around a number without speaking of another thing.

Responsible for the list alone. A word that is missing here makes a claim uncertain, which is never
wrong; one too many may accuse somebody, so names of methods, parts and variants are none of these.
"""

from __future__ import annotations

from typing import Final

from evidence.audit.vocabulary import NAMES_OF_MEASURES

_FUNCTION: Final = """
e i g ie eg etc ms s sec min h gb mb kb gib mib k m b x vs
a about above after all also an and any are around as at be because been being below between both
but by came can could did do does done down during each even every few finally first five
following for four from further given gives had has have having here how i i'm if in indeed into
is it it's its itself just last later let like made makes many may me more most much my near next
no nor not now of off on once one only onto or our out over own please quite rather same second
see seen several shall she should show showed shown shows since so some still such ten than that
that's the their them then there these they third this those three through thus to together too
two until up upon us use used uses using very via was way we we've well were what when where which
while who whole whose why will with within without yes you your
"""
_VERBS: Final = """
achieve achieved achieves achieving amount amounts average averaged averages began begin begins
bring brings brought climb climbed come comes complete completed completes completing consist
contain contained contains converge converged converges count counted decline declined declines
decrease decreased decreases deliver drop dropped drops end ended ending ends equal equals
evaluate evaluated evaluates evaluating exceed exceeds fall fallen falls fell find finds finish
finished finishes finishing found gain gained get gets go goes going got grew grow hit hits hold
holds improve improved improves include included includes increase increased increases keep keeps
kept land landed lands last lasted lasts lie lies list listed lists log logged logging logs look
looks lower lowered mean means measure measured measures minimum note observe observed obtain
obtained obtains peaked perform performed performs plateau print printed prints process processed
produce produced produces provide provided provides raise raised ran range ranged ranges reach
reached reaches reaching read record recorded reduce reduced reduces remain remained report
reported reports require result resulted results rise rises rose run running runs save saved saves
score scored scores see settle settled sit sits stand stands start started starting starts stay
stayed stood stop stopped summarise summarize summarized summed take taken takes taking tell tells
terminated total totaled totalled train trained training trains turn turned went work worked works
yield yielded yields
"""
_REPORT: Final = """
absolute accuracy achievements actual additional again almost already always analysis answer
answered answers appendix approach approximately around artifact artifacts background batch
benchmark benchmarks best better brief card change changed changes chart checkpoint checkpoints
clean clearly code command commands completely compute computed conclusion conclusions config
configs configuration configurations consistently correct correctly cost costs course curve curves
data dataset datasets date days decrease deep default detail detailed details device devices
diagnostics dimension directly discussion document documentation dr drop duration end entirely
environment epoch epochs error eval evaluation evaluations ever evidence exactly example examples
execution executive experiment experimental experiments fact facts figure figures file files final
finally findings fine fine-tune fine-tuned finetune finetuned folder folds following footnote
framework frameworks gain general generated generation global goal good gpu gpus graph guide
hardware headline highlights history home hour hours hyper hyper-parameters hyperparameter
hyperparameters implementation important improvement increase information input inputs
installation intended introduction item iteration iterations job key kpis label labels latest
learning length level libraries library license limitations limits line lines link links list log
logs loss losses machine main major measured measurement measurements memory message method
methods metric metrics milestone minor minute minutes model models name names nearly never new
normal note notes number numbers objective often optimiser optimizer output outputs overall
overview package packages page paragraph parameter parameters path performance plot plots point
points precision prediction predictions primary problem procedure process progress project prompts
properties pull purpose question questions quick rate rates ratio readme recap recipe record
records reduction reference regime relative release replicates repo reported repository reproduce
reproducibility reproduction request requests requirements resource resources respectively
response responses result results right roughly row rows run runs runtime sample samples schedule
score scores script second seconds section seed seeds sequence sequences session set sets setting
settings setup simple single size sizes slightly smooth smoothly snapshot software soon source
spec specification specifications specs speed speedup stable standard stat statistics stats status
steadily steady step steps submission successful successfully summary supervised sweep system
systems table tables task tasks technical test testing text throughput time timeline times timing
timings title tl tldr token tokens tool training tuned tuning update updates usage use user usual
value values version versions walltime wandb week weights well window work workflow written yet
"""

_QUALIFIERS: Final = frozenset(
    (
        *("per", "macro", "micro", "normalized", "normalised", "norm", "device", "effective"),
        *("global", "mixed", "base", "pretrained", "backbone", "block", "cutoff", "error"),
        *("random", "roc", "weighted", "wall", "held"),
    )
)
"""Words of names of measures that tell one from another."""

_KNOWN: Final = frozenset(word for word in NAMES_OF_MEASURES if not word.isdigit())
HARMLESS: Final = frozenset(f"{_FUNCTION} {_VERBS} {_REPORT}".split()) | (_KNOWN - _QUALIFIERS)
"""In headings, leads and sentences."""
