"""What is recommended to whom, and a playlist's profile from a real gateway."""

from acousticsense import AudioError, TasteProfile


def songs(*genres):
    return [{"id": index, "genre": genre} for index, genre in enumerate(genres)]


def ids(recommended):
    return [each["id"] for each in recommended]


def test_favourites_come_first_three_songs_of_each_and_then_the_others():
    profile = TasteProfile({"Jazz": 5, "Pop": 3, "Rock": 2, "Folk": 1})
    assert profile.favourites == ["Jazz", "Pop", "Rock"]
    there = songs("Folk", "Rock", "Jazz", "Jazz", "Folk", "Jazz", "Jazz", "Pop", "Metal")
    assert ids(profile.recommend(there)) == [2, 3, 5, 7, 1, 0, 4, 6, 8]


def test_ten_songs_at_most_unless_another_number_is_asked():
    profile = TasteProfile({"Jazz": 1})
    there = songs(*["Pop"] * 20, "Jazz")
    assert ids(profile.recommend(there)) == [20, *range(9)]
    assert ids(profile.recommend(there, 2)) == [20, 0]


def test_no_song_comes_twice_however_often_it_is_offered():
    there = songs("Jazz", "Pop")
    again = [*there, *there, dict(there[0])]
    assert ids(TasteProfile({"Jazz": 1}).recommend(again)) == [0, 1]
    assert ids(TasteProfile({}).recommend(again)) == [0, 1]


def test_nothing_known_means_the_first_ones_and_nothing_offered_means_nothing():
    assert ids(TasteProfile({}).recommend(songs(*["Pop"] * 12))) == list(range(10))
    assert TasteProfile({"Jazz": 1}).recommend([]) == []
    assert TasteProfile({}).favourites == []


def test_a_playlist_has_a_profile_and_says_what_failed(client, song_file, clip, tmp_path):
    bad, gone = tmp_path / "bad.mp3", tmp_path / "gone.mp3"
    bad.write_text("words, no music")
    profile = TasteProfile.of_playlist(client, [song_file, bad, clip, gone, song_file])
    assert profile.genres["Jazz"] >= 2
    assert profile.favourites[0] == "Jazz"
    assert sum(profile.genres.values()) == 3
    assert [each.song for each in profile.failures] == [bad, gone]
    assert isinstance(profile.failures[0].error, AudioError)
    assert isinstance(profile.failures[1].error, FileNotFoundError)
