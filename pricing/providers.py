"""Whose options a call brings: `provider.options` of the unified surface has a slug for each.

The upstream passes a slug's parameters on to the provider of that name; what stands under
another provider's slug, nobody may ever read.
"""

from typing import Final

_SLUGS: Final = (
    (("gemini-", "nano-banana", "veo"), frozenset({"google", "google_vertex"})),
    (("gpt-", "sora-"), frozenset({"openai", "openai_reverse"})),
    (("seedream-", "doubao-", "dola-", "seedance-"), frozenset({"bytedance", "doubao"})),
    (("kling-",), frozenset({"kling", "kwaivgi"})),
    (("qwen-", "wan-"), frozenset({"alibaba", "qwen", "wan"})),
    (("vidu",), frozenset({"vidu"})),
    (("grok-",), frozenset({"xai"})),
)
"""How a provider's models begin, and its slugs: those of the vendor's own SDK and catalogue."""


def is_own(slug: str, model: object) -> bool:
    """Say whether a slug is that of the provider of a model, named as the body names it.

    Of a model that is not known here it is the word before its name.
    """
    if not isinstance(model, str):
        return False
    vendor, _, name = model.rpartition("/")
    known = next((slugs for starts, slugs in _SLUGS if name.startswith(starts)), None)
    return slug in ({vendor} - {""} if known is None else known)
