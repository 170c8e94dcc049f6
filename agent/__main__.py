"""`python -m agent`: serve."""

from agent.main import main

main()
