"""What axe finds wrong with a page, as people with other eyes and hands meet it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from playwright.async_api import Page

AXE = Path(__file__).parents[2] / "extension-ts" / "node_modules" / "axe-core" / "axe.min.js"
GRAVE = {"serious", "critical"}

_RUN = """
async ({ include, exclude }) => {
    // Colours that are changing are nobody's choice.
    await new Promise(requestAnimationFrame);
    const all = document.getAnimations();
    const ending = all.filter(one => one.effect.getComputedTiming().endTime !== Infinity);
    await Promise.allSettled(ending.map(one => one.finished));
    const context = { include: include ? [include] : document, exclude };
    const { violations } = await axe.run(context, { resultTypes: ['violations'] });
    return violations.map(({ id, impact, help, nodes }) => ({
        id, impact, help, nodes: nodes.map(({ target, failureSummary }) => `${target}: ${failureSummary}`)
    }));
}
"""


@cache
def _axe() -> str:
    return AXE.read_text()


async def violations(page: Page, include: str | None = None, *, exclude: tuple[str, ...] = ()) -> list[str]:
    """The serious and critical ones, each with the elements it concerns.

    Args:
        include: a CSS selector of the part of the page that is looked at; the whole page without it.
        exclude: selectors of parts that are not.
    """
    await page.evaluate(_axe())
    context = {"include": include, "exclude": [[selector] for selector in exclude]}
    found: list[dict[str, Any]] = await page.evaluate(_RUN, context)
    return [
        "\n  ".join([f"{one['impact']}: {one['id']}: {one['help']}", *one["nodes"]])
        for one in found
        if one["impact"] in GRAVE
    ]
