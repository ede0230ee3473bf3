"""What a trial leaves behind: its result, predictions, answers, saved model, figures and versions."""
