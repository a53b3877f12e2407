"""Which node of AMD's topology is which card, and which number it has in programs."""

from typing import Any

from runtimes.hardware.detect import detect

NODE = "/sys/class/kfd/kfd/topology/nodes/1/properties"


def with_node(machine: Any, **values: int) -> Any:
    text = machine.recording.files[NODE].decode()
    lines = [
        f"{name} {values.get(name, told)}" for name, told in (line.split() for line in text.splitlines())
    ]
    machine.recording.files[NODE] = "\n".join(lines).encode()
    return detect(machine.root, environ={}).accelerators[0]


def test_a_node_belongs_to_the_card_of_its_render_file_whatever_address_it_names(fake: Any) -> None:
    gpu = with_node(fake("amd-780m-apu"), location_id=0x0700)
    assert (gpu.id, gpu.architecture, gpu.visible_index) == ("0000:c4:00.0", "gfx1103", 0)


def test_a_node_whose_render_file_is_not_here_is_found_by_its_address(fake: Any) -> None:
    gpu = with_node(fake("amd-780m-apu"), drm_render_minor=0)
    assert (gpu.architecture, gpu.visible_index) == ("gfx1103", 0)


def test_a_card_that_no_node_names_has_no_number(fake: Any) -> None:
    gpu = with_node(fake("amd-780m-apu"), drm_render_minor=0, location_id=0x0700)
    assert (gpu.architecture, gpu.visible_index) == (None, None)
    assert "amd.not-in-topology" in [finding.code for finding in gpu.findings]
