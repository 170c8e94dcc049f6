"""The report's charts as PNG: the same bytes for the same numbers, whenever they are drawn."""

import io
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any

from matplotlib import rc_context, rcdefaults, rcParams
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from agent.workflows.cost.money import number

#: Distinguishable without colour vision (Okabe and Ito); grey is for the rest.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
REST = "#B5B5B5"
TEXT = "#333333"
LONGEST_LABEL = 52

_STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.color": TEXT,
    "axes.labelcolor": TEXT,
    "xtick.color": TEXT,
    "ytick.color": TEXT,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
#: Matplotlib's settings belong to the process, and runs in other threads draw too.
_LOCK = threading.Lock()

#: A part of a cost: its name, and its amount for each of some days, or one.
Series = tuple[str, Sequence[Decimal]]


def daily_costs(days: Sequence[date], series: Sequence[Series], *, currency: str) -> bytes:
    """Draw the cost of each day, stacked by service.

    Args:
        days: The days.
        series: Services with a cost for each day; the first is drawn at the bottom.
        currency: What the costs are in.
    """
    with _drawing():
        figure, axes = _figure(10, 4.6)
        floor = [Decimal(0)] * len(days)
        places = range(len(days))
        for place, (name, costs) in enumerate(series):
            colour = REST if name == "Other" else COLOURS[place % len(COLOURS)]
            heights = [float(cost) for cost in costs]
            bottoms = [float(cost) for cost in floor]
            axes.bar(places, heights, bottom=bottoms, width=0.86, color=colour, label=_short(name))
            floor = [low + cost for low, cost in zip(floor, costs, strict=True)]
        step = max(1, len(days) // 10)
        axes.set_xticks(list(places)[::step], [f"{day:%d %b}" for day in days][::step])
        axes.set_title(f"Cost per day by service, {currency}", loc="left", fontweight="bold")
        _money_axis(axes, "y")
        handles, labels = axes.get_legend_handles_labels()
        axes.legend(
            handles[::-1],
            labels[::-1],
            loc="upper left",
            bbox_to_anchor=(1.01, 1),
            frameon=False,
        )
        return _png(figure)


def bars(items: Sequence[tuple[str, Decimal]], *, title: str, currency: str) -> bytes:
    """Draw amounts as bars, the first on top, each with its number beside it."""
    with _drawing():
        figure, axes = _figure(10, 1.2 + 0.42 * max(len(items), 2))
        places = range(len(items), 0, -1)
        amounts = [float(amount) for _, amount in items]
        axes.barh(list(places), amounts, height=0.66, color=COLOURS[0])
        axes.set_yticks(list(places), [_short(name) for name, _ in items])
        for place, (_, amount) in zip(places, items, strict=True):
            # A number at the foot of a negative bar would hide the bar's own name.
            axes.text(
                max(float(amount), 0),
                place,
                f"  {number(amount, currency)}",
                va="center",
                fontsize=9,
            )
        axes.margins(x=0.16)
        axes.set_title(f"{title}, {currency}", loc="left", fontweight="bold")
        _money_axis(axes, "x")
        return _png(figure)


@contextmanager
def _drawing() -> Iterator[None]:
    """Draw by our own settings: a user's must not change the report."""
    with _LOCK, rc_context(), warnings.catch_warnings():
        # A name in a script the font lacks is drawn with boxes; the report has it in full.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        rcdefaults()
        rcParams.update(_STYLE)
        yield


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    # Not by pyplot: it keeps figures in a global that threads share.
    figure = Figure(figsize=(width, height), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def _money_axis(axes: Axes, which: str) -> None:
    axis = axes.yaxis if which == "y" else axes.xaxis
    axis.set_major_locator(MaxNLocator(nbins=6))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.grid(visible=True, color="#E5E5E5", linewidth=0.8)
    axes.set_axisbelow(True)


def _short(name: str) -> str:
    # A dollar sign would begin a formula, and an underscore at the start hides a legend entry.
    plain = name.replace("$", r"\$").lstrip("_")
    return plain if len(plain) <= LONGEST_LABEL else f"{plain[: LONGEST_LABEL - 1]}…"


def _png(figure: Figure) -> bytes:
    out = io.BytesIO()
    # No program name and version in the file: they are no part of the report.
    figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()
