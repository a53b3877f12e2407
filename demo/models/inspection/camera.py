"""Lamp and camera over the belt: turns a surface into the picture an inspection station would take."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demo.models.inspection.part import Field, Surface, smooth_noise

Picture = NDArray[np.float32]
"""[h, w, 3], linear light, 0 to 1 before noise."""


@dataclass(frozen=True, slots=True)
class Station:
    """One inspection station on one day: where the lamp stands, how old it is, how the camera is set."""

    lamp: tuple[float, float, float]
    """Unit vector towards the lamp."""
    ambient: float
    gloss: float
    falloff: Field
    """How bright the lamp is over the belt, [n, n]."""
    tint: NDArray[np.float32]
    exposure: float
    blur: float
    noise: float

    @classmethod
    def install(cls, rng: np.random.Generator, n: int) -> "Station":
        azimuth, elevation = rng.uniform(0, 2 * np.pi), np.radians(rng.uniform(30, 65))
        flat = np.cos(elevation)
        return cls(
            lamp=(flat * np.cos(azimuth), flat * np.sin(azimuth), float(np.sin(elevation))),
            ambient=rng.uniform(0.15, 0.4),
            gloss=rng.uniform(0.05, 0.4),
            falloff=1 + 0.15 * smooth_noise(rng, n, 2, 2),
            tint=np.asarray([rng.uniform(0.9, 1.06), 1, rng.uniform(0.9, 1.1)], np.float32),
            exposure=rng.uniform(0.7, 1.25),
            blur=rng.uniform(0, 0.5),
            noise=rng.uniform(0.003, 0.012),
        )

    def look(self, surface: Surface) -> Picture:
        """The picture at half the surface's resolution, without the sensor's noise; [n/2, n/2, 3]."""
        slope_y, slope_x = np.gradient(surface.height, 2 / len(surface.height))
        steep = np.sqrt(1 + np.square(slope_x) + np.square(slope_y))
        x, y, z = self.lamp
        diffuse = np.clip((z - x * slope_x - y * slope_y) / steep, 0, None) / z
        half = np.sqrt(x * x + y * y + np.square(z + 1))
        glint = np.clip((z + 1 - x * slope_x - y * slope_y) / (half * steep), 0, 1) ** 40
        light = self.falloff * (self.ambient + (1 - self.ambient) * diffuse)
        bright = self.exposure * surface.albedo * (light + self.gloss * self.falloff * glint)
        pixels = bright.reshape(len(bright) // 2, 2, -1, 2).mean(axis=(1, 3))
        around = np.pad(pixels, 1, mode="edge")
        near = (around[:-2, 1:-1] + around[2:, 1:-1] + around[1:-1, :-2] + around[1:-1, 2:]) / 4
        sharp = (1 - self.blur) * pixels + self.blur * near
        return np.asarray(sharp[:, :, None] * self.tint, np.float32)

    def expose(self, rng: np.random.Generator, picture: Picture) -> NDArray[np.uint8]:
        """What the sensor stores of a picture: noise, saturation, 8 bits."""
        noisy = picture + self.noise * rng.standard_normal(picture.shape, dtype=np.float32)
        return np.asarray(np.rint(np.clip(noisy, 0, 1) * 255), np.uint8)
