"""`python -m nostro`."""

from nostro.bootstrap import main

if __name__ == "__main__":
    main()
