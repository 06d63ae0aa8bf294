"""`python -m nostro`."""

from nostro.bootstrap.programs import main

if __name__ == "__main__":
    main()
