"""What a trial leaves: its result, predictions, answers, saved model, figures and versions."""
