"""The DPUCZDX8G: what a configuration is, its machine code, its compiler, its simulator and its clock."""
