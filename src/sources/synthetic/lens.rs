//! Where a point of the place lies in the picture.

/// Metres: right of the camera, above the ground, away from the camera.
pub type Point = [f32; 3];

/// How near a thing may come to the camera, in metres: what is nearer is not drawn.
pub const NEAR: f32 = 0.6;

/// A fixed camera that looks level and is shifted down, so that what is upright stays upright.
#[derive(Clone, Copy, Debug)]
pub struct Lens {
    /// The picture's width in pixels.
    pub width: f32,
    /// The picture's height in pixels.
    pub height: f32,
    /// Pixels that a metre has at a distance of one metre.
    pub focal: f32,
    /// The row of the horizon.
    pub horizon: f32,
    /// The camera's height over the ground, in metres.
    pub above: f32,
}

impl Lens {
    /// A lens for a picture of that size: `zoom` is the focal length in widths of the picture, `horizon` in heights.
    pub fn new((width, height): (u32, u32), zoom: f32, horizon: f32, above: f32) -> Self {
        let (width, height) = (width as f32, height as f32);
        // A wide picture shows more to the sides, not less above and below.
        let focal = zoom * width.min(height * 4.0 / 3.0);
        Self { width, height, focal, horizon: horizon * height, above }
    }

    /// The pixel of a point in front of the camera.
    pub fn pixel(&self, [x, y, z]: Point) -> [f32; 2] {
        [self.width / 2.0 + self.focal * x / z, self.horizon + self.focal * (self.above - y) / z]
    }

    /// Pixels a metre has at this distance.
    pub fn scale(&self, z: f32) -> f32 {
        self.focal / z
    }

    /// Half of what the picture is wide, in metres at this distance.
    pub fn half_width(&self, z: f32) -> f32 {
        self.width / 2.0 / self.scale(z)
    }

    /// How far away the ground is at the picture's lower edge, in metres.
    pub fn nearest_ground(&self) -> f32 {
        self.focal * self.above / (self.height - self.horizon)
    }
}
