"""Rooms together, as a real training has them: dtypes, memory, copies, threads, traces."""

import copy
import gc
import pickle
import threading
import tracemalloc

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn, optim

F = nn.functional


class Classifier(nn.Module):
    """Convolution, batch norm, dropout: state of every kind."""

    def __init__(self):
        self.filters = nn.Conv2d(1, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.dropout = nn.Dropout(0.3)
        self.output = nn.Linear(4 * 16, 3)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.norm(self.filters(x))), 2)
        return self.output(self.dropout(x.flatten(1)))


class Tied(nn.Module):
    """The output layer reads the table of the words."""

    def __init__(self):
        self.words = nn.Embedding(5, 4)
        self.head = nn.Linear(4, 5, bias=False)
        self.head.weight = self.words.weight

    def forward(self, x):
        return self.head(self.words(x))


@pytest.fixture
def images(rng):
    return rng.standard_normal((6, 1, 8, 8)).astype(np.float32)


@pytest.fixture
def labels(rng):
    return rng.integers(0, 3, 6)


def classifier(seed=0):
    lz.manual_seed(seed)
    return Classifier()


def bits(module):
    return {name: tensor.numpy().tobytes() for name, tensor in module.state_dict().items()}


def train_step(model, optimizer, x, y):
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 0.5)
    optimizer.step()
    return loss


# Inputs


def strided(images):
    wide = np.zeros((12, 1, 8, 16), np.float32)
    wide[::2, :, :, ::2] = images
    return wide[::2, :, :, ::2]


def unaligned(images):
    memory = np.zeros(images.nbytes + 1, np.uint8)[1:].view(np.float32).reshape(images.shape)
    memory[...] = images
    return memory


def read_only(images):
    fixed = images.copy()
    fixed.flags.writeable = False
    return fixed


FORMS = {
    "float64": lambda x: x.astype(np.float64),
    "big-endian": lambda x: x.astype(">f4"),
    "in Fortran's order": np.asfortranarray,
    "with gaps": strided,
    "unaligned": unaligned,
    "read-only": read_only,
    "a list": lambda x: x.tolist(),
    "a tensor": lz.tensor,
    "reversed twice": lambda x: x[::-1][::-1],
}


@pytest.mark.parametrize("form", FORMS)
def test_a_batch_in_any_form_gives_the_same_bits(images, form):
    model = classifier().eval()
    given = FORMS[form](images)
    output = model(given)
    assert output.dtype == "float32"
    np.testing.assert_array_equal(output, model(images))


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int32", "int64", "bool", "float16"])
def test_images_of_any_numbers_train_a_float32_network(images, labels, dtype):
    model = classifier()
    loss = F.cross_entropy(model((images * 50).astype(dtype)), labels)
    loss.backward()
    assert loss.dtype == model.filters.weight.grad.dtype == "float32"


@pytest.mark.parametrize(
    "dtype", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
)
def test_labels_of_any_integers_give_the_same_loss(labels, dtype, rng):
    scores = lz.tensor(rng.standard_normal((6, 3)))
    assert F.cross_entropy(scores, labels.astype(dtype)) == F.cross_entropy(scores, labels)
    words = nn.Embedding(3, 2)
    np.testing.assert_array_equal(words(labels.astype(dtype)), words(labels))


def test_targets_come_in_the_dtype_of_the_predictions():
    prediction = lz.tensor([1.0, 2.0], requires_grad=True)
    for target in (np.array([1.0, 3.0]), np.array([1, 3], np.uint8)):
        assert F.mse_loss(prediction, target).dtype == "float32"


def test_float16_is_for_storage(images, labels, tmp_path):
    model = classifier().eval()
    lz.save(nn.Sequential(model.filters, model.norm).half(), tmp_path / "half")
    stored = lz.load(tmp_path / "half")
    assert {x.dtype.name for x in stored.parameters()} == {"float16"}
    expected = stored.float()(images)
    assert np.isfinite(expected).all()
    loss = F.cross_entropy(classifier().half()(images), labels)
    loss.backward()
    assert loss.dtype == "float16"


# Parameters


def test_tied_weights_are_one_through_training_state_and_files(tmp_path):
    model = Tied()
    optimizer = optim.Adam(model.parameters(), lr=0.1)
    assert len(optimizer.param_groups[0]["params"]) == 1
    train_step(model, optimizer, np.array([0, 1]), np.array([1, 2]))
    other = Tied()
    other.load_state_dict(model.state_dict())
    lz.save(model, tmp_path / "tied")
    third = lz.load(tmp_path / "tied", into=Tied())
    fourth = copy.deepcopy(model)
    for tied in (model, other, third, fourth):
        assert tied.head.weight is tied.words.weight
        np.testing.assert_array_equal(tied.head.weight, model.words.weight)
    assert fourth.head.weight is not model.head.weight


def test_a_deep_copy_of_model_and_optimiser_goes_on_with_the_same_bits(images, labels):
    model = classifier()
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    schedule = optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
    train_step(model, optimizer, images, labels)
    optimizer.zero_grad()
    both = [(model, optimizer, schedule), copy.deepcopy((model, optimizer, schedule))]
    for each, its_optimizer, its_schedule in both:
        lz.manual_seed(1)
        its_schedule.step()
        train_step(each, its_optimizer, images, labels)
    assert bits(both[0][0]) == bits(both[1][0])
    assert both[1][1].param_groups[0]["params"][0] is both[1][0].filters.weight
    assert both[1][2].optimizer is both[1][1]
    both[1][1].lr = 5.0
    assert optimizer.lr == 0.005


def test_a_state_goes_through_pickle(images, labels):
    model = classifier()
    model(images)
    state = pickle.loads(pickle.dumps(model.state_dict()))
    other = Classifier()
    other.load_state_dict(state)
    assert bits(other) == bits(model)


def test_modules_in_lists_of_dicts_are_converted_trained_and_named_in_errors(images):
    class Deep(nn.Module):
        def __init__(self):
            self.parts = [{"x": nn.Linear(64, 2), "y": (nn.Linear(2, 2), [nn.Linear(3, 1)])}]

        def forward(self, x):
            first = self.parts[0]
            return first["y"][1][0](first["y"][0](first["x"](x.reshape(6, 64))))

    model = Deep().double()
    assert {x.dtype.name for x in model.parameters()} == {"float64"}
    with pytest.raises(lz.ShapeError, match=r"^parts\.0\.y\.1\.0 \(Linear\): expects 3 features"):
        model(images)


def test_training_goes_on_in_float64(images, labels):
    model = classifier()
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    train_step(model, optimizer, images, labels)
    model.double()
    loss = train_step(model, optimizer, images, labels)
    assert loss.dtype == "float64"
    state = optimizer.state[model.filters.weight]
    assert {name: x.dtype.name for name, x in state.items()} == {
        "step": "int64",
        "exp_avg": "float64",
        "exp_avg_sq": "float64",
    }
    assert state["step"] == 2


def test_frozen_parameters_stay_and_go_on_when_they_are_thawed(images, labels):
    model = classifier()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    model.filters.requires_grad_(False)
    before = model.filters.weight.numpy().copy()
    train_step(model, optimizer, images, labels)
    np.testing.assert_array_equal(model.filters.weight, before)
    assert model.filters.weight.grad is None
    model.filters.requires_grad_(True)
    train_step(model, optimizer, images, labels)
    assert (model.filters.weight.numpy() != before).any()


def test_accumulated_gradients_are_those_of_the_whole_batch(images, labels):
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 3)).double()
    F.cross_entropy(model(images), labels).backward()
    expected = model[1].weight.grad.numpy().copy()
    model.zero_grad()
    for start in range(0, 6, 2):
        part = slice(start, start + 2)
        (F.cross_entropy(model(images[part]), labels[part]) / 3).backward()
    np.testing.assert_allclose(model[1].weight.grad, expected, rtol=1e-12)


# Gradients of gradients


def test_a_gradient_penalty_agrees_with_differences(images, labels, rng):
    model = classifier().double()
    model.dropout.p = 0.0
    weight = model.filters.weight
    start, direction = weight.numpy().copy(), rng.standard_normal(weight.shape)

    def penalty(values):
        weight.assign(values)
        gradient = lz.grad(lambda x: F.cross_entropy(model(x), labels))(images.astype(np.float64))
        return gradient.square().sum()

    penalty(start).backward()
    found = (weight.grad.numpy() * direction).sum()
    # A step of 1e-5 leaves an error of its square and of rounding over it, both about 1e-10.
    moved = [float(penalty(start + step * direction)) for step in (1e-5, -1e-5)]
    np.testing.assert_allclose(found, (moved[0] - moved[1]) / 2e-5, rtol=1e-6)


def test_a_gradient_penalty_trains(images, labels):
    model = classifier()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    x = lz.tensor(images, requires_grad=True)
    loss = F.cross_entropy(model(x), labels)
    loss.backward(create_graph=True)
    optimizer.zero_grad()
    before = bits(model)
    x.grad.square().sum().backward()
    optimizer.step()
    assert bits(model)["filters.weight"] != before["filters.weight"]


# Threads


def test_two_models_trained_at_once_are_those_trained_one_by_one(images, labels):
    def trained(seed):
        generator = lz.random.Generator(seed)
        model = Classifier()
        for parameter in model.parameters():
            nn.init.normal_(parameter, std=0.1, generator=generator)
        model.dropout.source = generator
        optimizer = optim.Adam(model.parameters(), lr=0.01)
        for _ in range(10):
            train_step(model, optimizer, images, labels)
        return bits(model)

    found = {}
    threads = [
        threading.Thread(target=lambda seed=seed: found.update({seed: trained(seed)}))
        for seed in (1, 2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {1: trained(1), 2: trained(2)}


def test_no_grad_holds_in_its_own_thread_only():
    seen = []
    with lz.no_grad():
        thread = threading.Thread(target=lambda: seen.append(lz.is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


# Traces


def test_a_traced_step_of_training_gives_the_bits_of_eager_ones(images, labels):
    def run(is_traced):
        model = classifier()
        optimizer = optim.Adam(model.parameters(), lr=0.01, weight_decay=0.01)
        schedule = optim.lr_scheduler.StepLR(optimizer, 2, 0.5)

        def step(x, y):
            return train_step(model, optimizer, x, y)

        x, y = lz.tensor(images), lz.tensor(labels)
        do = lz.trace(step, x, y) if is_traced else step
        losses = []
        for _ in range(5):
            losses.append(do(x, y).numpy().tobytes())
            schedule.step()
        gradients = [parameter.grad.numpy().tobytes() for parameter in model.parameters()]
        state = [
            tensor.numpy().tobytes()
            for tensors in optimizer.state.values()
            for tensor in tensors.values()
        ]
        return losses, bits(model), gradients, state, optimizer.lr.item()

    assert run(is_traced=True) == run(is_traced=False)


# Memory


def test_memory_does_not_grow_over_ten_thousand_steps():
    model = nn.Sequential(nn.Linear(2, 3), nn.Sigmoid(), nn.Dropout(0.1), nn.Linear(3, 1))
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    x, y = np.ones((1, 2), np.float32), np.ones((1, 1), np.float32)

    def steps(count):
        for _ in range(count):
            optimizer.zero_grad()
            F.mse_loss(model(x), y).backward()
            optimizer.step()
        gc.collect()

    steps(100)
    objects = len(gc.get_objects())
    tracemalloc.start()
    try:
        steps(100)
        before, _ = tracemalloc.get_traced_memory()
        steps(500)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # One tensor kept in each step would be 100,000 bytes and more, and 500 objects.
    assert after - before < 20_000
    steps(9_300)
    assert len(gc.get_objects()) - objects < 100
