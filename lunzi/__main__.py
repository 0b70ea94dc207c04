"""`python -m lunzi` is the command `lunzi`."""

from lunzi.cli import main

if __name__ == "__main__":
    main()
