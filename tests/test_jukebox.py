"""Jukebox on tiny random checkpoints of its true architecture."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip(
    "jukebox_infer", reason="the extra jukebox is heavy: pip install -e '.[jukebox]'"
)

from halation import backends, files, pipeline
from halation.backends import Watch, watched
from halation.stems.neural import jukebox, jukebox_words
from halation.stems.neural.jukebox_checkpoint import TRAINED, Checkpoint, library, renamed
from halation.testing import check_player, small_form, small_score
from halation.types import WHOLE_SONG, BackendError, Brief, Note, Part, Score, Song, Stems
from tests import tiny_jukebox

pytestmark = pytest.mark.backend("jukebox")

Signal = NDArray[np.float32]


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    tiny_jukebox.jukebox(folder / "jukebox-1b-lyrics")
    tiny_jukebox.jukebox(folder / "jukebox-5b-lyrics", newer=False)
    return folder


@pytest.fixture(autouse=True)
def one_core() -> Iterator[None]:
    """So small a model is slower on more."""
    import torch

    count = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(count)


@pytest.fixture
def installed(checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny checkpoints under the names of the true ones, and a cache of their own."""
    monkeypatch.setenv("HALATION_WEIGHTS", str(checkpoints))
    monkeypatch.setenv("HALATION_CACHE", str(tmp_path / "cache"))
    return checkpoints


@pytest.fixture
def kept(installed: Path, tmp_path: Path) -> Path:
    """Where unfinished work is kept."""
    return tmp_path / "cache" / "jukebox"


def part_of(until_beat: int = 18) -> Part:
    notes = tuple(Note(float(b), 2.0, 60, 80) for b in range(0, until_beat, 2))
    return Part("keys", "keys", "jukebox", "", notes)


def played(name: str, score: Score, seed: int = 1, watch: Watch | None = None) -> Signal:
    player = backends.player(name)
    with watched(watch or Watch()):
        blocks = list(player(score.parts[0], score, Stems(score, ()), seed))
    return np.concatenate([block.samples for block in blocks], axis=1)


class Leaving:
    """A listener who goes after so many codes."""

    def __init__(self, codes: int) -> None:
        self.codes, self.asked = codes, 0

    def __call__(self) -> bool:
        self.asked += 1
        return self.asked > self.codes


def test_a_checkpoint_keeps_the_contract_of_a_player(installed: Path) -> None:
    check_player("jukebox", patch="", lead_s=0.05)


def test_the_one_with_an_encoder_plays_too_as_long_as_the_song(installed: Path) -> None:
    score = small_score(part_of(4))
    x = played("jukebox:5b-lyrics", score)
    assert x.shape == (2, score.n_samples)
    assert np.sqrt(np.mean(x**2)) > 1e-3


def test_another_seed_is_another_take(installed: Path) -> None:
    score = small_score(part_of(4))
    assert np.abs(played("jukebox", score, 1) - played("jukebox", score, 2)).max() > 0.01


def test_a_run_that_was_ended_goes_on_and_gives_the_same_samples(kept: Path) -> None:
    score = small_score(part_of())
    everything = Leaving(10**6)
    unbroken = played("jukebox", score, watch=Watch(stopped=everything))
    assert not list(kept.iterdir()), "a finished part leaves nothing"
    said: list[str] = []
    for codes in (30, 200, 150):  # it ends in the first level, the second and the third
        with pytest.raises(backends.Stopped):
            played("jukebox", score, watch=Watch(stopped=Leaving(codes), say=said.append))
        assert len(list(kept.iterdir())) == 1
    rest = Leaving(10**6)
    again = played("jukebox", score, watch=Watch(stopped=rest, say=said.append))
    assert np.array_equal(again, unbroken)
    assert rest.asked < everything.asked - 100, "what was drawn is not drawn again"
    assert sum("goes on at" in line for line in said) == 3
    assert not list(kept.iterdir())


def test_what_was_kept_serves_no_other_song(kept: Path) -> None:
    score = small_score(part_of())
    with pytest.raises(backends.Stopped):
        played("jukebox", score, watch=Watch(stopped=Leaving(90)))
    said: list[str] = []
    for name, seed in (("jukebox", 2), ("jukebox:genre=trap", 1), ("jukebox:5b-lyrics", 1)):
        with pytest.raises(backends.Stopped):
            played(name, score, seed, Watch(stopped=Leaving(30), say=said.append))
    assert not any("goes on at" in line for line in said)


def test_codes_that_cannot_be_read_are_drawn_again(kept: Path) -> None:
    score = small_score(part_of(4))
    unbroken = played("jukebox", score)
    with pytest.raises(backends.Stopped):
        played("jukebox", score, watch=Watch(stopped=Leaving(40)))
    (path,) = kept.iterdir()
    path.write_bytes(path.read_bytes()[:50])
    assert np.array_equal(played("jukebox", score), unbroken)


def test_whoever_leaves_ends_it_within_a_code(installed: Path) -> None:
    leaving = Leaving(40)
    with pytest.raises(backends.Stopped):
        played("jukebox", small_score(part_of()), watch=Watch(stopped=leaving))
    assert leaving.asked == 41


def test_it_says_first_that_it_takes_hours_and_soon_how_many(kept: Path) -> None:
    said: list[str] = []
    with watched(Watch(say=said.append)):
        score = small_score(part_of())
        next(iter(backends.player("jukebox")(score.parts[0], score, Stems(score, ()), 1)))
    assert "takes hours" in said[0]
    assert "artist 'cocteau twins', genre 'ethereal wave'" in said[0]
    assert "about" in said[1] and "on this machine" in said[1]
    assert str(kept) in said[1], "where to find what is kept"


def test_the_terminal_is_not_the_librarys(
    installed: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    played("jukebox", small_score(part_of(4)))
    assert capfd.readouterr() == ("", "")


def test_a_whole_song_is_in_the_files_without_a_path_and_may_not_be_sold(
    installed: Path, tmp_path: Path
) -> None:
    folder = installed / "jukebox-1b-lyrics"
    wish = Brief(seed=9, length_s=30.0, players=(("all", f"jukebox:{folder},artist=brian eno"),))
    *_, song = pipeline.produce(wish)
    assert isinstance(song, Song)
    assert [part.name for part in song.score.parts] == [WHOLE_SONG]
    assert song.master.n_samples == song.score.n_samples
    written = files.write(song, tmp_path / "songs")
    text = written.song_json.read_text()
    data = json.loads(text)
    assert str(installed) not in text
    assert data["rights"]["commercial"] is False
    patch = data["parts"][0]["patch"]
    assert patch.startswith("jukebox+jukebox-1b-lyrics #") and patch.endswith(",artist=brian eno")
    again = backends.player(f"jukebox:{folder}")
    part = again.cast(files.read(written.song_json).plan.score.parts[0])  # type: ignore[attr-defined]
    assert part.player == f"jukebox:{folder},artist=brian eno", "a song made again keeps its artist"
    assert part.patch == patch


def test_a_name_fits_into_a_songs_file_however_long_the_folders_is(
    installed: Path, tmp_path: Path
) -> None:
    folder = tmp_path / ("long " * 20)
    folder.symlink_to(installed / "jukebox-1b-lyrics")
    player: Any = backends.player(f"jukebox:{folder},genre=ethereal wave,artist=boards of canada")
    patch = player.cast(part_of()).patch
    assert len(patch) <= 100
    assert patch.endswith(",genre=ethereal wave,artist=boards of canada")


def test_pickled_weights_are_read_as_weights_alone(installed: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    folder, trap = tmp_path / "pickled", tmp_path / "trap"
    shutil.copytree(installed / "jukebox-1b-lyrics", folder)
    state = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(state)
    for number, half in enumerate((names[::2], names[1::2])):
        path = folder / f"pytorch_model-0000{number + 1}-of-00002.bin"
        torch.save({name: state[name] for name in half}, path)
    vqvae = Checkpoint(folder, "pickled").vqvae()
    wanted = Checkpoint(installed / "jukebox-1b-lyrics", "safe").vqvae().state_dict()
    assert all(torch.equal(tensor, wanted[name]) for name, tensor in vqvae.state_dict().items())

    class Trap:
        def __reduce__(self) -> Any:
            return (Path.touch, (trap,))

    path.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(BackendError, match="no Jukebox that loads"):
        Checkpoint(folder, "pickled").vqvae()
    assert not trap.exists()


def test_decoding_piece_by_piece_has_no_seams(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = Checkpoint(installed / "jukebox-1b-lyrics", "tiny")
    vqvae = checkpoint.vqvae()
    codes = np.random.default_rng(0).integers(0, 32, 300)
    whole = jukebox._decoded(checkpoint, vqvae, codes)
    monkeypatch.setattr(jukebox, "DECODED_CODES", 40)
    pieces = jukebox._decoded(checkpoint, vqvae, codes)
    assert whole.shape == pieces.shape == (300 * 8,)
    assert np.abs(whole - pieces).max() < 1e-4 * np.abs(whole).max()


HUB_NAMES = {
    "encoders.1.level_blocks.0.proj_out.weight": "encoders.1.level_blocks.0.model.3.weight",
    "encoders.1.level_blocks.1.proj_out.bias": "encoders.1.level_blocks.1.model.2.bias",
    "encoders.0.level_blocks.0.downsample_block.4.weight":
        "encoders.0.level_blocks.0.model.2.0.weight",
    "encoders.0.level_blocks.0.downsample_block.3.resnet_block.0.conv1d_1.weight":
        "encoders.0.level_blocks.0.model.1.1.model.0.model.1.weight",
    "decoders.0.level_blocks.0.proj_in.bias": "decoders.0.level_blocks.0.model.0.bias",
    "decoders.0.level_blocks.0.upsample_block.2.resnet_block.0.conv1d_2.bias":
        "decoders.0.level_blocks.0.model.2.0.model.0.model.3.bias",
    "decoders.0.level_blocks.0.upsample_block.3.weight":
        "decoders.0.level_blocks.0.model.2.1.weight",
    "decoders.0.out.weight": "decoders.0.out.weight",
    "bottleneck.level_blocks.2.codebook": "bottleneck.level_blocks.2.k",
    "metadata_embedding.bow_genre_emb.weight": "y_emb.bow_genre_emb.emb.weight",
    "metadata_embedding.artist_emb.weight": "y_emb.artist_emb.emb.weight",
    "metadata_embedding.relative_pos_emb.emb.weight": "y_emb.relative_pos_emb.emb.weight",
    "encoder.start_token": "prime_prior.start_token",
    "encoder.embed_tokens.weight": "prime_prior.x_emb.weight",
    "encoder.transformer._attn_mods.0.layer_norm_1.bias":
        "prime_prior.transformer._attn_mods.0.ln_1.bias",
    "encoder.proj_in.weight": "prime_state_proj.w",
    "encoder.final_layer_norm.weight": "prime_state_ln.weight",
    "encoder.lm_head.weight": "prime_x_out.weight",
    "prior.embed_tokens.weight": "prior.x_emb.weight",
    "prior.pos_emb.pos_emb": "prior.pos_emb.pos_emb",
    "prior.transformer._attn_mods.18.attn.c_enc_kv.weight":
        "prior.transformer._attn_mods.18.attn.c_enc_kv.w",
    "prior.transformer._attn_mods.2.mlp.c_proj.bias": "prior.transformer._attn_mods.2.mlp.c_proj.b",
    "prior.fc_proj_out.weight": "prior.x_out.weight",
    "conditioner_blocks.embed_tokens.weight": "conditioner_blocks.0.x_emb.weight",
    "conditioner_blocks.upsampler.proj_in.weight": "conditioner_blocks.0.cond.model.0.weight",
    "conditioner_blocks.upsampler.upsample_block.2.resnet_block.1.conv1d_1.weight":
        "conditioner_blocks.0.cond.model.2.0.model.1.model.1.weight",
    "conditioner_blocks.upsampler.upsample_block.3.bias":
        "conditioner_blocks.0.cond.model.2.1.bias",
    "conditioner_blocks.layer_norm.weight": "conditioner_blocks.0.ln.weight",
}  # fmt: skip


def test_the_hubs_names_are_the_librarys(installed: Path) -> None:
    checkpoint = Checkpoint(installed / "jukebox-5b-lyrics", "tiny")
    vqvae = checkpoint.vqvae()
    there = set(vqvae.state_dict())
    for level in range(3):
        there |= set(checkpoint.prior(level, vqvae).state_dict())
    for name, librarys in HUB_NAMES.items():
        assert renamed(name, (3, 2, 2)) == librarys
        assert librarys in there
    assert all(renamed(name, (3, 2, 2)) == name for name in there), "its own names stay"


@pytest.mark.parametrize(
    ("width", "trained"),
    [(1920, "upsampler_level_0"), (2048, "prior_1b_lyrics"), (4800, "prior_5b_lyrics")],
)
def test_the_published_levels_are_built_as_they_were_trained(width: int, trained: str) -> None:
    from halation.stems.neural.jukebox_checkpoint import _ORDERS

    row, hps = TRAINED[width], library().hparams.setup_hparams(trained, {})
    assert hps.prior_width == width
    assert (row["n_ctx"], row["blocks"], row["n_heads"]) == (hps.n_ctx, hps.blocks, hps.heads)
    assert _ORDERS[row["attention_pattern"]] == hps.attn_order
    assert row["merged_decoder"] == hps.merged_decoder


@pytest.mark.parametrize(
    ("prepare", "match"),
    [
        (lambda folder: None, "there is no config.json"),
        (lambda folder: (folder / "config.json").write_text("{"), "no Jukebox that loads"),
        (
            lambda folder: (folder / "config.json").write_text('{"model_type": "t5"}'),
            "no Jukebox but a model of type 't5'",
        ),
        (
            lambda folder: (folder / "config.json").write_text('{"model_type": "jukebox"}'),
            "there are no weights in it",
        ),
    ],
)
def test_a_wrong_folder_is_named_in_one_line(
    prepare: Any, match: str, tmp_path: Path, installed: Path
) -> None:
    folder = tmp_path / "wrong"
    folder.mkdir()
    prepare(folder)
    with pytest.raises(BackendError, match=match) as error:
        played(f"jukebox:{folder}", small_score(part_of()))
    assert "\n" not in str(error.value)


def test_damaged_weights_are_named_in_one_line(installed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(installed / "jukebox-1b-lyrics", folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:4000])
    with pytest.raises(BackendError, match="no Jukebox that loads") as error:
        played(f"jukebox:{folder}", small_score(part_of()))
    assert "\n" not in str(error.value)


def test_weights_that_are_not_here_are_told_with_their_licence_and_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HALATION_WEIGHTS", str(tmp_path))
    cure = "non-commercial.*halation backends install jukebox-5b-lyrics"
    with pytest.raises(BackendError, match=cure):
        played("jukebox:5b-lyrics,genre=ambient", small_score(part_of()))
    with pytest.raises(BackendError, match="there are: jukebox-1b-lyrics, jukebox-5b-lyrics"):
        backends.player("jukebox:20b")


def test_without_the_extra_the_cure_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "_importable", lambda module: module != "jukebox_infer")
    with pytest.raises(BackendError, match=r'pip install "halation\[jukebox\]"'):
        backends.player("jukebox")


def test_an_artist_that_jukebox_does_not_know_is_told_before_anything_is_made(
    installed: Path,
) -> None:
    wish = Brief(seed=1, length_s=30.0, players=(("all", "jukebox:artist=bords of canada"),))
    with pytest.raises(BackendError, match=r"no artist 'bords of canada'.*'boards of canada'"):
        list(pipeline.compose(wish))
    wish = replace(wish, players=(("all", "jukebox:5b-lyrics,genre=trap"),))
    with pytest.raises(BackendError, match="no genre 'trap'"):
        list(pipeline.compose(wish))


def score_in(**mood: Any) -> Score:
    form = small_form()
    text = mood.pop("text", "")
    instrumental = mood.pop("instrumental", False)
    brief = replace(form.mood.brief, text=text, instrumental=instrumental)
    score = small_score(part_of())
    return replace(score, form=replace(form, mood=replace(form.mood, brief=brief, **mood)))


@pytest.mark.parametrize("newer", [False, True])
def test_every_mood_has_an_artist_and_a_genre_that_jukebox_knows(newer: bool) -> None:
    artists, genres = jukebox_words.vocabulary(newer=newer)
    axes = np.array(np.meshgrid(*[(-1.0, 0.0, 1.0)] * 4)).reshape(4, -1).T
    found = set()
    for valence, energy, warmth, haze in axes:
        score = score_in(valence=valence, energy=energy, warmth=warmth, haze=haze)
        words = jukebox_words.choose(score.parts[0], score, {}, newer=newer)
        spelled = words.artist if newer else jukebox_words._plain(words.artist)
        assert spelled in artists
        assert words.genre_for(newer=True) == words.genre
        told = words.genre_for(newer=newer)
        assert told in genres if newer else set(told.split()) <= genres
        found.add(words.genre)
    assert len(found) >= 5, "moods differ"


def test_an_artist_and_a_genre_in_the_text_are_taken() -> None:
    score = score_in(text="Dream pop by Cocteau Twins, lost in fog")
    words = jukebox_words.choose(score.parts[0], score, {}, newer=True)
    assert (words.artist, words.genre) == ("cocteau twins", "dream pop")
    words = jukebox_words.choose(score.parts[0], score, {"artist": "drake"}, newer=False)
    assert words.artist == "drake"


def test_the_text_is_sung_or_what_the_voices_sing() -> None:
    def lyrics(score: Score, part: Part) -> str:
        return jukebox_words.choose(part, score, {}, newer=True).lyrics

    notes = tuple(Note(2.0 * i, 1.0, 60, 80, 0.0, s) for i, s in enumerate(("oh", "<ah", "", "mi")))
    part = Part(WHOLE_SONG, WHOLE_SONG, "jukebox", "", notes)
    score = score_in(text="snow on glass")
    assert lyrics(score, part) == "snow on glass"
    assert lyrics(score_in(), part) == "oh ah mi"
    assert lyrics(score_in(text="snow on glass", instrumental=True), part) == ""
