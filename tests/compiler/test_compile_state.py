"""What changes between the calls of a compiled function, and gradients across them."""

import numpy as np
import pytest
from compiled_training import Training, X, Y, both, train

import lunzi as lz
from lunzi import nn, optim

pytestmark = pytest.mark.usefixtures("built")


# What changes between calls


def test_the_learning_rate_changes_without_compiling(built):
    def lower(training, step):
        training.optimizer.lr = training.optimizer.lr.item() / 2

    compiled, eager = both([train, lower, train, lower, train])
    assert compiled == eager
    assert len(built) == 1


def test_a_schedule_does_not_compile_again(built):
    def schedule(training, step):
        scheduler = optim.lr_scheduler.CosineAnnealingLR(training.optimizer, T_max=5)
        for _ in range(3):
            step(X, Y)
            scheduler.step()

    compiled, eager = both([schedule])
    assert compiled == eager
    assert len(built) == 1


def test_another_setting_of_the_optimiser_compiles_again(built):
    def change(training, step):
        training.optimizer.weight_decay = 0.5

    compiled, eager = both([train, change, train])
    assert compiled == eager
    assert len(built) == 2


def test_eval_and_train_alternate_without_compiling_again(built):
    def evaluate(training, step):
        training.model.eval()

    def resume(training, step):
        training.model.train()

    compiled, eager = both([train, evaluate, train, resume, train, evaluate, train], dropout=True)
    assert compiled == eager
    assert len(built) == 2


def test_dropout_draws_from_the_same_generator():
    ends = []
    for way in (lz.compile, lambda function: function):
        training = Training(dropout=True)
        step = way(training.step)
        losses = [step(X, Y).item() for _ in range(3)]
        ends.append(
            (losses, lz.random.default_generator.counter.item(), lz.random.uniform().item())
        )
    assert ends[0] == ends[1]


def test_a_checkpoint_is_loaded_in_between(tmp_path, built):
    def save(training, step):
        lz.save(training.model, tmp_path / "model.safetensors")
        training.kept = training.model.state_dict(), training.optimizer.state_dict()

    def load(training, step):
        model, optimizer = training.kept
        training.model.load_state_dict(model)
        training.optimizer.load_state_dict(optimizer)

    compiled, eager = both([train, save, train, train, load, train])
    assert compiled == eager
    assert len(built) == 1
    model = lz.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(lz.compile(model)(X), model(X))


def test_a_replaced_parameter_is_followed():
    model = nn.Linear(2, 1)
    fast = lz.compile(model)
    fast(X)
    model.weight = nn.Parameter(np.float32([[5, 5]]))
    np.testing.assert_array_equal(fast(X), model(X))


def test_another_dtype_is_followed():
    def widen(training, step):
        training.model.double()

    def wide(training, step):
        return step(X.astype("float64"), Y.astype("float64"))

    compiled, eager = both([train, widen, wide, wide])
    assert compiled == eager


@pytest.mark.parametrize(
    "freeze",
    [
        lambda p: p.requires_grad_(False),
        lambda p: setattr(p, "requires_grad", False),
    ],
)
def test_a_frozen_parameter_stays_and_a_thawed_one_moves(freeze):
    def fix(training, step):
        freeze(training.model[0].weight)
        training.model.zero_grad()

    def thaw(training, step):
        training.model[0].weight.requires_grad = True

    compiled, eager = both([train, fix, train, train, thaw, train], kind=optim.SGD)
    assert compiled == eager


def test_a_function_that_sets_the_mode_itself():
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5))

    @lz.compile
    def evaluate(x):
        model.eval()
        return model(x)

    for _ in range(3):
        model.train()
        first = evaluate(X)
        np.testing.assert_array_equal(first, evaluate(X))
        assert not model.training


def test_stale_views_and_tapes_are_noticed():
    training = Training()
    weight = training.model[0].weight
    view, loss = weight[:1], (weight * weight).sum()
    lz.compile(training.step)(X, Y)
    with pytest.raises(lz.StateError, match="was assigned since"):
        view.numpy()
    with pytest.raises(lz.GradientError, match="was assigned after it was used"):
        loss.backward()


# Gradients


def test_a_gradient_that_is_used_up_tells_so():
    training = Training()
    step = lz.compile(training.step)
    for _ in range(2):
        step(X, Y)
        with pytest.raises(lz.GradientError, match=r"compile\(keep_grads=True\)"):
            _ = training.model[0].weight.grad
    training.optimizer.zero_grad()
    assert training.model[0].weight.grad is None
    step(X, Y)


def test_gradients_are_kept_on_demand():
    ends = []
    for way in (lz.compile(keep_grads=True), lambda function: function):
        training = Training()
        step = way(training.step)
        gradients = []
        for _ in range(2):
            step(X, Y)
            gradients.append([x.grad for x in training.model.parameters()])
        ends.append([x.numpy().tobytes() for pair in gradients for x in pair])
    assert ends[0] == ends[1]


def accumulating(training):
    def add(x, y):
        loss = nn.functional.mse_loss(training.model(x), y)
        loss.backward()
        return loss

    return add


def test_gradients_add_up_over_calls(built):
    ends = []
    for way in (lz.compile, lambda function: function):
        training = Training()
        add = way(accumulating(training))
        found = []
        for _ in range(3):
            for _ in range(3):
                add(X, Y)
            found += [x.grad.numpy().tobytes() for x in training.model.parameters()]
            training.optimizer.step()
            training.optimizer.zero_grad()
        ends.append((found, training.numbers()))
    assert ends[0] == ends[1]
    assert len(built) == 2


def test_a_sum_of_gradients_leaves_alone_what_shares_its_memory():
    w = nn.Parameter(np.float32([1, 2]))
    add = lz.compile(lambda x: (w * x).sum().backward())
    shared = lz.tensor([10.0, 20.0])
    fixed = np.float32([1, 1])
    fixed.flags.writeable = False
    view = lz.tensor([5.0, 6.0, 7.0])
    for gradient in (lz.Tensor(shared.numpy()), lz.Tensor(fixed), view[:2], view.detach()[1:]):
        before = gradient.tolist()
        w.grad = gradient
        for turn in (1, 2):
            add(np.float32([3, 4]))
            assert w.grad.tolist() == [before[0] + 3 * turn, before[1] + 4 * turn]
        assert gradient.tolist() == before
    assert shared.tolist() == [10, 20]


def test_two_tensors_with_one_gradient_get_two():
    a, b = (nn.Parameter(np.float32([1, 2])) for _ in range(2))
    add = lz.compile(lambda x: (a * x + b * x * 2).sum().backward())
    a.grad = b.grad = lz.zeros(2)
    for _ in range(2):
        add(np.float32([1, 1]))
    assert (a.grad.tolist(), b.grad.tolist()) == ([2, 2], [4, 4])


def test_a_gradient_may_be_the_argument():
    w = nn.Parameter(np.float32([1, 2]))
    w.grad = lz.tensor([1.0, 1.0])
    add = lz.compile(lambda x: (w * x).sum().backward())
    for expected in (2, 4, 8):
        add(w.grad)
        assert w.grad.tolist() == [expected, expected]


def test_clipping_inside_a_step():
    def clipped(training):
        def step(x, y):
            loss = nn.functional.mse_loss(training.model(x), y)
            training.optimizer.zero_grad()
            loss.backward()
            norm = nn.utils.clip_grad_norm_(training.model.parameters(), 0.01)
            training.optimizer.step()
            return loss, norm

        return step

    ends = []
    for way in (lz.compile, lambda function: function):
        training = Training()
        step = way(clipped(training))
        norms = [step(X, Y)[1].item() for _ in range(3)]
        ends.append((norms, training.numbers()))
    assert ends[0] == ends[1]


def test_zeros_in_the_place_of_none():
    ends = []
    for way in (lz.compile, lambda function: function):
        training = Training()

        def step(x, y, training=training):
            training.optimizer.zero_grad(set_to_none=False)
            nn.functional.mse_loss(training.model(x), y).backward()
            training.optimizer.step()

        run = way(step)
        for _ in range(4):
            run(X, Y)
        gradients = [x.grad.tolist() for x in training.model.parameters()]
        ends.append((gradients, training.numbers()))
    assert ends[0] == ends[1]
