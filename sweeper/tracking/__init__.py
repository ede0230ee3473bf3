"""MLflow, all of it: nothing else reads or writes its store."""
