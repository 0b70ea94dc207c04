"""PyTorch's tutorials with `torch` replaced by `lunzi`: what runs as it stands, and what is said.

The snippets are written as the tutorials write them. A line that has to be another one here
stands behind the comment with theirs; `test_pytorch_names` holds that theirs says so.
"""

import math

import numpy as np
import pytest

import lunzi as torch
from lunzi import nn, optim
from lunzi.data import ArrayDataset, DataLoader

F = nn.functional  # import torch.nn.functional as F


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture
def digits(rng):
    """Eight pixels by eight, the brighter half of which is the class."""
    labels = rng.integers(0, 2, 64)
    images = rng.uniform(0, 1, (64, 1, 8, 8)).astype(np.float32)
    images[labels == 0, :, :4] += 1
    images[labels == 1, :, 4:] += 1
    return images, labels


def test_quickstart(digits):
    class NeuralNetwork(nn.Module):
        def __init__(self):
            super().__init__()
            self.flatten = nn.Flatten()
            self.linear_relu_stack = nn.Sequential(
                nn.Linear(8 * 8, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 2)
            )

        def forward(self, x):
            x = self.flatten(x)
            logits = self.linear_relu_stack(x)
            return logits

    model = NeuralNetwork()
    loss_fn = nn.CrossEntropyLoss()
    optimizer = optim.SGD(model.parameters(), lr=1e-1)
    dataloader = DataLoader(ArrayDataset(*digits), batch_size=16, shuffle=True)  # TensorDataset

    def train(dataloader, model, loss_fn, optimizer):
        size = len(dataloader.dataset)
        model.train()
        for batch, (x, y) in enumerate(dataloader):
            pred = model(x)
            loss = loss_fn(pred, y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            if batch % 2 == 0:
                loss, current = loss.item(), (batch + 1) * len(x)
                assert f"loss: {loss:>7f}  [{current:>5d}/{size:>5d}]"

    def test(dataloader, model, loss_fn):
        size = len(dataloader.dataset)
        num_batches = len(dataloader)
        model.eval()
        test_loss, correct = 0, 0
        with torch.no_grad():
            for x, y in dataloader:
                pred = model(x)
                test_loss += loss_fn(pred, y).item()
                # (pred.argmax(1) == y).type(torch.float).sum().item()
                correct += (pred.argmax(1) == y).astype(torch.float32).sum().item()
        test_loss /= num_batches
        correct /= size
        return correct

    for _ in range(10):
        train(dataloader, model, loss_fn, optimizer)
    assert test(dataloader, model, loss_fn) > 0.9


def test_training_a_classifier(digits):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(1, 6, 3)
            self.pool = nn.MaxPool2d(2, 2)
            self.conv2 = nn.Conv2d(6, 16, 2)
            self.fc1 = nn.Linear(16 * 1 * 1, 12)
            self.fc2 = nn.Linear(12, 2)

        def forward(self, x):
            x = self.pool(F.relu(self.conv1(x)))
            x = self.pool(F.relu(self.conv2(x)))
            x = torch.flatten(x, 1)  # flatten all dimensions except batch
            x = F.relu(self.fc1(x))
            x = self.fc2(x)
            return x

    net = Net()
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    losses = []
    for _ in range(8):
        running_loss = 0.0
        for _, data in enumerate(DataLoader(ArrayDataset(*digits), 16), 0):
            inputs, labels = data
            optimizer.zero_grad()
            outputs = net(inputs)
            loss = criterion(outputs, labels)
            loss.backward()
            optimizer.step()
            running_loss += loss.item()
        losses.append(running_loss)
    assert losses[-1] < losses[0] / 2
    predicted = outputs.argmax(1)  # _, predicted = torch.max(outputs, 1)
    total = labels.shape[0]  # labels.size(0)
    assert (predicted == labels).sum().item() / total > 0.8


def test_a_module_of_ones_own():
    class Polynomial3(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Parameter(torch.random.normal(()))  # torch.randn(())
            self.b = nn.Parameter(torch.random.normal(()))
            self.c = nn.Parameter(torch.random.normal(()))
            self.d = nn.Parameter(torch.random.normal(()))

        def forward(self, x):
            return self.a + self.b * x + self.c * x**2 + self.d * x**3

        def string(self):
            return f"y = {self.a.item()} + {self.b.item()} x"

    x = torch.linspace(-math.pi, math.pi, 200)
    y = torch.sin(x)
    model = Polynomial3()
    criterion = nn.MSELoss(reduction="sum")
    optimizer = optim.SGD(model.parameters(), lr=1e-6)
    first = criterion(model(x), y).item()
    for _ in range(50):
        y_pred = model(x)
        loss = criterion(y_pred, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < first
    assert model.string().startswith("y = ")


def test_lists_and_dicts_of_modules():
    class MyModule(nn.Module):
        def __init__(self):
            super().__init__()
            self.linears = nn.ModuleList([nn.Linear(10, 10) for i in range(4)])
            self.choices = nn.ModuleDict({"conv": nn.Conv1d(1, 1, 1), "pool": nn.MaxPool1d(3)})
            self.activations = nn.ModuleDict({"lrelu": nn.LeakyReLU(), "prelu": nn.PReLU()})

        def forward(self, x, choice, act):
            for i, layer in enumerate(self.linears):
                x = self.linears[i // 2](x) + layer(x)
            x = self.choices[choice](x.expand_dims(1))  # x.unsqueeze(1)
            x = self.activations[act](x)
            return x

    model = MyModule()
    assert model(torch.ones((2, 10)), "conv", "prelu").shape == (2, 1, 10)
    assert model(torch.ones((2, 10)), "pool", "lrelu").shape == (2, 1, 3)
    # sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert sum(p.size for p in model.parameters() if p.requires_grad) == 4 * 110 + 2 + 1


def test_initial_weights_by_apply():
    def weights_init(m):
        if isinstance(m, nn.Conv2d):
            nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
            if m.bias is not None:
                nn.init.constant_(m.bias, 0)
        elif isinstance(m, nn.BatchNorm2d):
            nn.init.constant_(m.weight, 1)
            nn.init.constant_(m.bias, 0)
        elif isinstance(m, nn.Linear):
            nn.init.normal_(m.weight, 0, 0.01)
            m.bias.fill_(0.01)  # m.bias.data.fill_(0.01)

    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 2))
    model.apply(weights_init)
    assert model[0].bias.tolist() == [0, 0]
    np.testing.assert_array_equal(model[3].bias, np.float32([0.01, 0.01]))


def test_initial_weights_by_name():
    model = nn.Sequential(nn.Linear(4, 3), nn.LayerNorm(3), nn.Linear(3, 2))
    for name, p in model.named_parameters():
        if p.ndim > 1:  # p.dim() > 1
            nn.init.xavier_uniform_(p)
        elif "bias" in name:
            nn.init.zeros_(p)
    assert not model[0].bias.any()
    assert abs(model[0].weight).max() <= math.sqrt(6 / 7)


def test_groups_of_an_optimiser():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    decay, no_decay = [], []
    for _, param in model.named_parameters():
        if not param.requires_grad:
            continue
        (no_decay if param.ndim <= 1 else decay).append(param)
    optimizer = optim.AdamW(
        [{"params": decay, "weight_decay": 0.1}, {"params": no_decay, "weight_decay": 0.0}],
        lr=1e-3,
        betas=(0.9, 0.95),
    )
    for g in optimizer.param_groups:
        g["lr"] = g["lr"] * 0.1
    assert [round(float(g["lr"]), 10) for g in optimizer.param_groups] == [1e-4, 1e-4]
    model(np.ones((4, 3))).sum().backward()
    optimizer.step()
    assert len(optimizer.state_dict()["state"]) == 6


def test_schedules_of_the_learning_rate():
    model = nn.Linear(2, 1)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.1)
    rates = []
    for _ in range(4):
        optimizer.zero_grad()
        model(np.ones((1, 2))).sum().backward()
        optimizer.step()
        scheduler.step()
        rates.append(round(scheduler.get_last_lr()[0], 10))
    assert rates == [0.1, 0.01, 0.01, 0.001]

    def warm_up(step):
        return min((step + 1) / 10, 1.0)

    optimizer = optim.Adam(model.parameters(), lr=0.1)
    scheduler = optim.lr_scheduler.LambdaLR(optimizer, lr_lambda=warm_up)
    assert round(optimizer.param_groups[0]["lr"].item(), 10) == 0.01
    optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=10, eta_min=1e-5).step()
    plateau = optim.lr_scheduler.ReduceLROnPlateau(optimizer, "min", patience=0)
    for val_loss in (1.0, 2.0):
        plateau.step(val_loss)
    assert plateau.get_last_lr()[0] < 0.1


def test_saving_and_loading(tmp_path):
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    optimizer = optim.Adam(model.parameters(), lr=0.001)
    model(np.ones((4, 2))).mean().backward()
    optimizer.step()
    for param_tensor in model.state_dict():
        assert model.state_dict()[param_tensor].shape

    path = tmp_path / "model.safetensors"
    torch.save(model, path)  # torch.save(model.state_dict(), PATH)
    other = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    torch.load(path, into=other)  # model.load_state_dict(torch.load(PATH))
    other.eval()
    np.testing.assert_array_equal(other(np.ones((1, 2))), model(np.ones((1, 2))))
    whole = torch.load(path)
    np.testing.assert_array_equal(whole(np.ones((1, 2))), model(np.ones((1, 2))))

    again = optim.Adam(other.parameters(), lr=0.1)
    again.load_state_dict(optimizer.state_dict())
    assert round(again.param_groups[0]["lr"].item(), 10) == 0.001


def test_clipping_gradients():
    model = nn.Linear(3, 1)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    loss = (model(np.ones((4, 3))) * 1000).sum()
    loss.backward()
    total_norm = torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
    assert total_norm > 1
    norms = [p.grad.square().sum() for p in model.parameters()]  # p.grad.norm() ** 2
    assert round(float(torch.stack(norms).sum()), 4) == 1
    torch.nn.utils.clip_grad_value_(model.parameters(), clip_value=0.1)
    optimizer.step()


def test_evaluating_without_gradients(digits):
    images, labels = digits
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10), nn.Dropout(0.5))
    model.eval()

    @torch.no_grad()
    def accuracy(output, target, topk=(1, 5)):
        maxk = max(topk)
        _, pred = output.topk(maxk, axis=1)  # output.topk(maxk, 1, True, True)
        pred = pred.T  # pred.t()
        correct = pred == target.reshape(1, -1)  # pred.eq(target.view(1, -1).expand_as(pred))
        return [correct[:k].astype("float32").sum().item() / len(target) for k in topk]

    with torch.no_grad():
        output = model(images)
    assert not output.requires_grad
    top1, top5 = accuracy(output, labels)
    assert 0 <= top1 <= top5 <= 1
    assert torch.argmax(output, axis=1).shape == (64,)  # dim=1
    probabilities = F.softmax(output, dim=1)
    assert torch.is_grad_enabled()
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-6)


def test_a_loss_of_ones_own(rng):
    class FocalLoss(nn.Module):
        def __init__(self, gamma=2.0):
            super().__init__()
            self.gamma = gamma

        def forward(self, inputs, targets):
            ce_loss = F.cross_entropy(inputs, targets, reduction="none")
            pt = torch.exp(-ce_loss)
            return ((1 - pt) ** self.gamma * ce_loss).mean()

    def rmse(yhat, y):
        return torch.sqrt(torch.mean((yhat - y) ** 2))

    model = nn.Linear(4, 3)
    x, y = rng.standard_normal((8, 4)), rng.integers(0, 3, 8)
    loss = FocalLoss()(model(x), y)
    loss.backward()
    assert 0 < loss.item() < F.cross_entropy(model(x), y).item()
    assert rmse(model(x), torch.zeros((8, 3))).backward() is None


def test_a_network_from_scratch(digits):
    images, y_train = digits
    x_train = images.reshape(64, -1)
    # weights = torch.randn(64, 10) / math.sqrt(64); weights.requires_grad_()
    weights = (torch.random.normal((64, 2)) / math.sqrt(64)).requires_grad_()
    bias = torch.zeros(2, requires_grad=True)

    def log_softmax(x):
        return x - x.exp().sum(-1).log().expand_dims(-1)  # .unsqueeze(-1)

    def model(xb):
        return log_softmax(xb @ weights + bias)

    def nll(input, target):
        return -input[range(target.shape[0]), target].mean()

    losses = []
    for _ in range(20):
        loss = nll(model(x_train), y_train)
        loss.backward()
        losses.append(loss.item())
        with torch.no_grad():
            weights.assign(weights - weights.grad * 0.5)  # weights -= weights.grad * 0.5
            bias.assign(bias - bias.grad * 0.5)
            weights.grad.zero_()
            bias.grad.zero_()
    assert losses[-1] < losses[0] / 2


def test_transfer_of_a_part_of_a_network(rng):
    pretrained = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1000))
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    own = model.state_dict()
    # if v.size() == own[k].size()
    part = {k: v for k, v in pretrained.state_dict().items() if v.shape == own[k].shape}
    missing, unexpected = model.load_state_dict(part, strict=False)
    assert (missing, unexpected) == (["2.weight", "2.bias"], [])

    for param in model.parameters():
        param.requires_grad = False
    model[2] = nn.Linear(8, 3)
    optimizer = optim.SGD(filter(lambda p: p.requires_grad, model.parameters()), lr=0.1)
    F.cross_entropy(model(rng.standard_normal((8, 4))), rng.integers(0, 3, 8)).backward()
    optimizer.step()
    assert model[0].weight.grad is None
    np.testing.assert_array_equal(model[0].weight, pretrained[0].weight)


def test_a_bag_of_words():
    class TextClassifier(nn.Module):
        def __init__(self, vocab_size, embed_dim, num_class):
            super().__init__()
            # nn.EmbeddingBag(vocab_size, embed_dim)
            self.embedding = nn.Embedding(vocab_size, embed_dim, padding_idx=0)
            self.fc = nn.Linear(embed_dim, num_class)
            self.init_weights()

        def init_weights(self):
            initrange = 0.5
            nn.init.uniform_(self.fc.weight, -initrange, initrange)
            self.fc.bias.zero_()  # self.fc.bias.data.zero_()

        def forward(self, text):
            mask = (text != 0).astype("float32").expand_dims(-1)  # .float().unsqueeze(-1)
            embedded = (self.embedding(text) * mask).sum(axis=1) / mask.sum(axis=1)  # dim=1
            return self.fc(embedded)

    model = TextClassifier(6, 4, 2)
    text = torch.tensor([[1, 2, 0], [3, 4, 5]])
    labels = torch.tensor([0, 1])
    optimizer = optim.Adam(model.parameters(), lr=0.1)
    for _ in range(20):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(text), labels)
        loss.backward()
        optimizer.step()
    assert (model(text).argmax(1) == labels).all()


def test_an_autoencoder(digits):
    class Autoencoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = nn.Sequential(nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.ReLU())
            self.decoder = nn.Sequential(
                nn.ConvTranspose2d(4, 1, 3, stride=2, padding=1, output_padding=1), nn.Sigmoid()
            )

        def forward(self, x):
            return self.decoder(self.encoder(x))

    images = digits[0] / 2
    model = Autoencoder()
    optimizer = optim.Adam(model.parameters(), lr=1e-2)
    criterion = nn.BCELoss()
    losses = []
    for _ in range(10):
        recon = model(images)
        assert recon.shape == images.shape
        loss = criterion(recon, images)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


def test_automatic_differentiation():
    a = torch.tensor([2.0, 3.0], requires_grad=True)
    b = torch.tensor([6.0, 4.0], requires_grad=True)
    q = 3 * a**3 - b**2
    external_grad = torch.tensor([1.0, 1.0])
    q.backward(gradient=external_grad)
    assert (9 * a**2 == a.grad).all()
    assert (-2 * b == b.grad).all()
    assert q.origin is not None  # q.grad_fn
    z = torch.ones(2, requires_grad=True)
    assert not z.detach().requires_grad
    np.testing.assert_array_equal(z.detach().numpy(), [1, 1])  # .cpu().numpy()


def test_hooks_for_features():
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    activation = {}

    def get_activation(name):
        def hook(model, input, output):
            activation[name] = output.detach()

        return hook

    handle = model[0].register_forward_hook(get_activation("fc1"))
    model(torch.ones((2, 3)))
    assert activation["fc1"].shape == (2, 4)
    handle.remove()


def test_gradient_accumulation(rng):
    model = nn.Linear(3, 1)
    x, y = rng.standard_normal((8, 3)), rng.standard_normal((8, 1))
    F.mse_loss(model(x), y).backward()
    expected = model.weight.grad.numpy().copy()
    model.zero_grad()
    accumulation_steps = 4
    for i in range(accumulation_steps):
        loss = F.mse_loss(model(x[2 * i : 2 * i + 2]), y[2 * i : 2 * i + 2])
        loss = loss / accumulation_steps
        loss.backward()
    # float32: sums in another order
    np.testing.assert_allclose(model.weight.grad, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        ("x.view(-1, 4)", r"x.reshape\(shape\)"),
        ("x.size(0)", r"x.shape\[0\] for one"),
        ("x.unsqueeze(0)", r"x.expand_dims\(axis\)"),
        ("x.permute(1, 0)", r"x.permute_dims\(axes\)"),
        ("x.sum(dim=1)", "write axis=, NumPy's name"),
        ("x.mean(1, keepdim=True)", "write keepdims=, NumPy's name"),
        ("x.to('cpu')", "Lunzi computes on the CPU"),
        ("x.cpu()", "Lunzi computes on the CPU"),
        ("x.float()", r'x.astype\("float32"\)'),
        ("x.clone()", r"x.copy\(\)"),
        ("x.data", r"x.detach\(\) to read the numbers"),
        ("x.numel()", "x.size"),
        ("x.add_(1)", r"x.assign\(x \+ y\)"),
        ("torch.cat([x, x], dim=0)", r"lunzi.concat\(tensors, axis\)"),
        ("torch.randn(2, 3)", r"lunzi.random.normal\(shape\)"),
        ("torch.zeros(2, 3)", r"the lengths of a shape go together, as \(2, 3\)"),
        ("torch.device('cuda')", "Lunzi computes on the CPU"),
        ("torch.from_numpy(x)", r"lunzi.tensor\(array\)"),
        ("torch.utils.data", "lunzi.data for DataLoader"),
        ("model.to('cuda')", "Lunzi computes on the CPU"),
        ("torch.save(model.state_dict(), 'm.pt')", r"save the model itself and not its state_dict"),
        ("model.load_state_dict(model)", r"pass its state_dict\(\)"),
    ],
)
def test_what_is_called_otherwise_is_said(line, instead):
    names = {"torch": torch, "x": torch.ones((2, 4)), "model": nn.Linear(2, 2)}
    with pytest.raises(torch.LunziError, match=instead):
        eval(line, names)
