"""The Python interface: what `import attnaudit` gives, on the same path as the commands."""
