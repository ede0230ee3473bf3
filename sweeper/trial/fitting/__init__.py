"""How a network is fitted: learning rate, averages of the weights, labels of the loss, when it stops, what resumes."""
