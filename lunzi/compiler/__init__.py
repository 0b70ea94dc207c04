"""From a traced graph to one native function; see docs/compiler.md for the stages."""
