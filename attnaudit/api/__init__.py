"""The Python interface: what `import attnaudit` gives. The commands use the same functions."""
