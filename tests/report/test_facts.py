import pytest

from lunzi.report.facts import RunFacts, facts_section, without_folders


@pytest.mark.parametrize(
    ("argument", "shown"),
    [
        ("digits", "digits"),
        ("data/rows.csv", "data/rows.csv"),
        ("/home/anna/rows.csv", "rows.csv"),
        ("/home/anna/数据 集/rows.csv", "rows.csv"),
        ("/home/anna/runs/", "runs"),
        ("/", "/"),
        ("../../anna/rows.csv", "rows.csv"),
        ("~anna/rows.csv", "rows.csv"),
        ("--out=/home/anna/runs", "--out=runs"),
        ("--out=runs/a", "--out=runs/a"),
        (r"C:\Users\anna\rows.csv", "rows.csv"),
        ("C:/Users/anna/rows.csv", "rows.csv"),
        (r"\\server\anna\rows.csv", "rows.csv"),
        (r"..\anna\rows.csv", "rows.csv"),
        ("--seed", "--seed"),
        ("3 / 4", "3 / 4"),
    ],
)
def test_a_path_that_names_its_owner_is_cut_to_its_last_name(argument, shown):
    assert without_folders(argument) == shown


def test_the_command_is_written_as_it_can_be_typed(parse):
    facts = RunFacts(command=["/home/anna/bin/lunzi", "train", "数据 集/a.csv", "--target", "价格"])
    document = parse(facts_section(facts).markup)
    assert document.texts("code") == ["lunzi train '数据 集/a.csv' --target '价格'"]


def test_every_fact_is_listed(parse):
    facts = RunFacts(
        data="digits",
        split=(718, 180, 1899),
        network="2 convolutions + linear",
        parameters=12345,
        seed=0,
        threads=2,
        seconds=8.24,
        settings={"optimizer": "AdamW", "lr": 0.001, "epochs": 30},
        versions={"Lunzi": "0.1.0", "NumPy": "2.4.0"},
    )
    document = parse(facts_section(facts).markup)
    assert dict(zip(document.texts("dt"), document.texts("dd"), strict=True)) == {
        "Data set": "digits",
        "Samples": "training 718 · validation 180 · test 1,899",
        "Network": "2 convolutions + linear",
        "Parameters": "12,345",
        "Seed": "0",
        "optimizer": "AdamW",
        "lr": "0.001",
        "epochs": "30",
        "Threads": "2",
        "Training time": "8.2 s",
        "Versions": "Lunzi 0.1.0 · NumPy 2.4.0",
    }


def test_paths_among_the_facts_are_cut_too(parse):
    facts = RunFacts(data="/home/anna/a.csv", settings={"cache": "/home/anna/.cache/lunzi"})
    assert parse(facts_section(facts).markup).texts("dd") == ["a.csv", "lunzi"]


def test_a_command_alone_needs_no_list(parse):
    document = parse(facts_section(RunFacts(command=["lunzi"])).markup)
    assert document.texts("code") == ["lunzi"]
    assert not document.all("dl")


def test_no_facts_make_no_section():
    assert facts_section(RunFacts()) is None
