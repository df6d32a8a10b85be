"""Who makes a model: what FOCUS calls its publisher. Read from its name. Pure."""

from functools import lru_cache

RESELLER = "GPT Proto"
MAKERS = (
    ("gemini", "Google"),
    ("nano-banana", "Google"),
    ("veo", "Google"),
    ("gpt-", "OpenAI"),
    ("sora", "OpenAI"),
    ("doubao", "ByteDance"),
    ("dola", "ByteDance"),
    ("dreamina", "ByteDance"),
    ("seedream", "ByteDance"),
    ("seedance", "ByteDance"),
    ("kling", "Kuaishou"),
    ("qwen", "Alibaba"),
    ("wan-", "Alibaba"),
    ("vidu", "Shengshu"),
    ("grok", "xAI"),
    ("flux", "Black Forest Labs"),
    ("ideogram", "Ideogram"),
    ("midjourney", "Midjourney"),
    ("hailuo", "MiniMax"),
    ("minimax", "MiniMax"),
    ("speech-", "MiniMax"),
    ("higgsfield", "Higgsfield"),
    ("tripo3d", "Tripo"),
)


@lru_cache(maxsize=1024)
def maker(model: str) -> str:
    """Name the maker of a model; the reseller for tools of its own."""
    return next((who for start, who in MAKERS if model.startswith(start)), RESELLER)
