"""A price as the table gives it, for measurements that need one and no more."""

from pricing import BUNDLED, Micros, Quote, load_tables

MODEL = "gemini-3.1-flash-image-preview"
QUOTE = Quote(
    MODEL, MODEL, "1K", "text-to-image", 1, Micros(40_200), Micros(67_000), "2026-09-25",
    "published", assumed=False, images_mode="one",
    sha256=load_tables(BUNDLED).version("2026-09-25").sha256,
)  # fmt: skip
