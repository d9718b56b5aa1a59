"""Tasks: what was accepted is done and told, whatever dies in between.

fronts, routes   HTTP
└── Tasks        accept, find, cancel, replay: short transactions
Upkeep           finds what is due, takes over from dead processes, sweeps
└── Worker       one try of an analysis, one attempt to deliver
    ├── Work     audio to body
    └── Engine   DBOS: queues, and who works on what
Database         SQLite or PostgreSQL: our rows (schema, store), and DBOS's
"""
