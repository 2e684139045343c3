"""Write results as tables: on the terminal, and as `docs/reliability.md`."""

from __future__ import annotations

def table(results): return "\n".join(f"{r.database} hooks={r.hooks} kills={r.kills} viol={len(r.violations)} {r.counts}" for r in results)+"\n"
