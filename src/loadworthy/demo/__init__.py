"""What ``loadworthy demo`` runs: a small booking service in a process of its own, and a plan against it."""
