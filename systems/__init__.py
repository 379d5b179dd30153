"""Five reference services, each with its performance suite; ``python -m systems.serve NAME`` starts one."""
