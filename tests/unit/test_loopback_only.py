import socket

import pytest

from tests.conftest import NetworkUsed


@pytest.mark.parametrize("host", ["192.0.2.1", "8.8.8.8"])
def test_a_test_cannot_reach_another_machine(host):
    with socket.socket() as client, pytest.raises(NetworkUsed, match=host):
        client.connect((host, 443))
    with socket.socket(type=socket.SOCK_DGRAM) as client, pytest.raises(NetworkUsed):
        client.sendto(b"", (host, 53))


def test_names_of_other_machines_are_not_looked_up():
    with pytest.raises(NetworkUsed, match=r"slack\.com"):
        socket.create_connection(("slack.com", 443), timeout=1)


def test_this_machine_can_be_reached():
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname(), timeout=5):
            pass
        with socket.create_connection(("localhost", server.getsockname()[1]), timeout=5):
            pass
