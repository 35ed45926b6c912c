"""Effects: drawn first, as data, then applied part by part and in the shared spaces."""

from halation.fx.inserts import insert, tape, treat
from halation.fx.plan import plan
from halation.fx.space import Buses

__all__ = ["Buses", "insert", "plan", "tape", "treat"]
