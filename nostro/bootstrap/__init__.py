"""The only place that knows every room: builds the object graph by hand, and the programs around it."""
