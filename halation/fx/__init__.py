"""Effects: drawn first, as data, then applied part by part and in the shared spaces."""

from halation.fx.inserts import Inserts, Tape, insert, tape, treat
from halation.fx.plan import plan
from halation.fx.space import STEP, Buses, Space

__all__ = ["STEP", "Buses", "Inserts", "Space", "Tape", "insert", "plan", "tape", "treat"]
