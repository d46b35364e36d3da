"""The third document's complete example, as it stands but for its class and its prints."""

import numpy as np


def train(iterations: int) -> np.ndarray:
    """Run the document's own loop and give its last prediction."""
    np.random.seed(10)  # noqa: NPY002 - the document's own
    wij = np.random.rand(3, 4)  # noqa: NPY002
    wjk = np.random.rand(4, 1)  # noqa: NPY002
    x = np.array([[0, 0, 1], [1, 1, 1], [1, 0, 1], [0, 1, 1]])
    y = np.array([[0, 1, 1, 0]]).T

    def sigmoid(x: np.ndarray, w: np.ndarray) -> np.ndarray:
        z = np.dot(x, w)
        return 1 / (1 + np.exp(-z))

    def sigmoid_derivative(x: np.ndarray, w: np.ndarray) -> np.ndarray:
        return sigmoid(x, w) * (1 - sigmoid(x, w))

    for _ in range(iterations):
        xi = x
        xj = sigmoid(xi, wij)
        yhat = sigmoid(xj, wjk)
        g_wjk = np.dot(xj.T, (y - yhat) * sigmoid_derivative(xj, wjk))
        g_wij = np.dot(
            xi.T, np.dot((y - yhat) * sigmoid_derivative(xj, wjk), wjk.T) * sigmoid_derivative(xi, wij)
        )
        wij += g_wij
        wjk += g_wjk
    return yhat
