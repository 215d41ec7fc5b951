"""What every other module may use and what uses no framework itself."""
