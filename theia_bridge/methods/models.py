"""`chat.models` and `chat.complete`: the language models, which are asked by the server alone."""

from __future__ import annotations

from rpc import Registry
from theia_bridge.chat.completions import DELTA
from theia_bridge.chat.protocol import CompleteParams, Completion, DidDelta, ModelList
from theia_bridge.methods.context import Context

registry: Registry[Context] = Registry()
registry.notification(DELTA, DidDelta, "The next piece of an answer, before that of `chat.complete`.")


@registry.method("chat.models")
async def models(context: Context) -> ModelList:
    """The language models there are, and the caller's budget."""
    return await context.completions.models(context.actor)


@registry.method("chat.complete")
async def complete(context: Context, params: CompleteParams) -> Completion:
    """Asks a language model. What it says comes as `chat.didDelta`, in order; the answer comes when it ends.

    `$/cancelRequest`, and the end of the channel, stop the model. What it has taken by then is counted.
    """
    return await context.completions.complete(context.actor, params, context.notify)
