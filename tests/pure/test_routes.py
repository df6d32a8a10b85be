import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.routes import Route, Routed, polled_at, route


@pytest.mark.parametrize(
    ("path", "surface"),
    [
        ("/google/gemini-3-pro-image-preview/text-to-image", "path"),
        ("/bytedance/seedream-5-0-260128/text-to-imgae", "path"),
        ("/minimax/voice-clone", "path"),
        ("/openai/reverse/sora-2-pro/image-to-video", "path"),
        ("/images/other", "path"),
        ("/predictions/a/result", "path"),
        ("/tasks/result/a", "path"),
        ("/media%2Fuploads", "path"),
        ("/media//uploads", "path"),
        ("/Images", "path"),
        ("/images%2Fedit", "path"),
        ("", "path"),
        ("/", "path"),
        ("/images", "unified"),
        ("/images/", "unified"),
        ("/%69mages", "unified"),
        ("/images/edit", "unified"),
        ("/images/generations", "unified"),
        ("/videos", "unified"),
        ("/audio/speech", "unified"),
        ("/audio/voice-clone", "unified"),
        ("/lip-sync", "unified"),
        ("/3d", "unified"),
        ("/image-upscaler", "unified"),
        ("/contents/generations/tasks", "unified"),
    ],
)
def test_every_post_is_a_priced_submit(path: str, surface: str) -> None:
    routed = route("POST", b"/api/v3" + path.encode())

    assert (routed.route, routed.surface, routed.prediction_id) == (Route.SUBMIT, surface, None)


@pytest.mark.parametrize("path", ["/media/uploads", "/media/uploads/", "/media/uploads?x=1"])
def test_an_upload_is_free(path: str) -> None:
    assert route("POST", b"/api/v3" + path.encode()).route is Route.UPLOAD


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("path", "surface", "prediction_id"),
    [
        ("predictions/a", "path", "a"),
        ("predictions/a/result", "path", "a"),
        ("predictions/a/result/", "path", "a"),
        ("predictions/sora-2%3Atask%2F1%20x/result?a=b", "path", "sora-2:task/1 x"),
        ("predictions/a%252Fb", "path", "a%2Fb"),
        ("predictions/a+b", "path", "a+b"),
        ("predictions/result/result", "path", "result"),
        ("predictions/%C3%A9", "path", "é"),
        ("predictions/%zz", "path", "%zz"),
        ("tasks/result/job-1", "unified", "job-1"),
        ("videos/v", "unified", "v"),
        ("contents/generations/tasks/cgt-1", "unified", "cgt-1"),
    ],
)
def test_a_read_of_a_prediction_is_a_poll(
    method: str, path: str, surface: str, prediction_id: str
) -> None:
    routed = route(method, b"/api/v3/" + path.encode())

    assert routed.route is Route.POLL
    assert (routed.surface, routed.prediction_id) == (surface, prediction_id)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "predictions"),
        ("GET", "predictions/"),
        ("GET", "predictions//result"),
        ("GET", "predictions/a/b"),
        ("GET", "predictions/a/result/x"),
        ("GET", "predictions/a//"),
        ("GET", "predictions%2Fa"),
        ("GET", "tasks/a"),
        ("GET", "tasks/result"),
        ("GET", "tasks/result/a/b"),
        ("GET", "videos"),
        ("GET", "contents/generations/tasks"),
        ("GET", "user/me"),
        ("GET", ""),
        ("PUT", "predictions/a"),
        ("PATCH", "predictions/a/result"),
        ("DELETE", "videos/a"),
        ("DELETE", "predictions/a"),
        ("get", "predictions/a"),
        ("post", "images"),
    ],
)
def test_anything_else_under_v3_is_unlisted(method: str, path: str) -> None:
    routed = route(method, b"/api/v3/" + path.encode())

    assert (routed.route, routed.prediction_id) == (Route.OTHER, None)


@pytest.mark.parametrize(
    "path",
    ["/", "/budget", "/api/v2/images", "/api/v30/images", "/API/v3/images", "//api/v3/images",
     "/api//v3/images", "/%61pi/v3/images", "/v1/images/generations", "/api/v3%2Fimages", ""],
)  # fmt: skip
def test_a_path_outside_v3_is_foreign(path: str) -> None:
    assert route("POST", path.encode()).route is Route.FOREIGN


@pytest.mark.parametrize("path", ["/api/v3/images", "/api/v3/predictions/a", "/budget", "*"])
def test_options_is_options_wherever(path: str) -> None:
    assert route("OPTIONS", path.encode()).route is Route.OPTIONS


def test_segments_are_decoded_once_and_keep_their_slashes() -> None:
    routed = route("POST", b"/api/v3/google%2Fnano/a%2520b//c")

    assert routed == Routed(Route.SUBMIT, "path", ("google/nano", "a%20b", "", "c"))


@given(st.binary())
def test_every_post_under_v3_is_priced_or_an_upload(path: bytes) -> None:
    routed = route("POST", b"/api/v3/" + path)

    assert routed.route is Route.SUBMIT or routed.segments == ("media", "uploads")


@given(st.text(min_size=1).filter(lambda text: "\x00" not in text))
def test_an_id_is_found_however_it_is_encoded(prediction_id: str) -> None:
    raw = "".join(f"%{byte:02X}" for byte in prediction_id.encode()).encode()

    assert route("GET", b"/api/v3/predictions/" + raw).prediction_id == prediction_id


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("https://gptproto.com/api/v3/predictions/a:b/result", "a:b"),
        ("HTTP://localhost:4000/api/v3/tasks/result/a%2Fb?x=1#y", "a/b"),
        ("/api/v3/contents/generations/tasks/cgt-1", "cgt-1"),
        ("https://gptproto.com/x?u=/api/v3/videos/a", None),
        ("https://gptproto.com/base/api/v3/videos/a", None),
        ("/api/v3/images", None),
        ("/api/v3/predictions", None),
        ("/api/v3/videos/a b", None),
        ("/api/v3/videos/\u00e4", None),
        ("", None),
    ],
)
def test_a_poll_url_names_its_prediction(url: str, named: str | None) -> None:
    assert polled_at(url) == named
