"""`python -m dashboards`: write every board again."""

from dashboards.build import HERE, render


def main() -> None:
    """Write what changed."""
    for path, text in render().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(HERE.parent))  # noqa: T201


if __name__ == "__main__":
    main()
