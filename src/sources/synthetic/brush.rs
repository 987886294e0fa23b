//! Shapes on a pixmap: flat ones in metres at one distance, and ones in space.

use tiny_skia::{
    BlendMode, Color, FillRule, GradientStop, LinearGradient, Paint, Path, PathBuilder, Pixmap, Point as Dot, Rect,
    Shader, SpreadMode, Transform,
};

use super::lens::{Lens, NEAR, Point};

/// Red, green, blue.
pub type Colour = [u8; 3];

/// `colour` with its light scaled by `factor`.
pub fn lit(colour: Colour, factor: f32) -> Colour {
    colour.map(|part| (f32::from(part) * factor).clamp(0.0, 255.0) as u8)
}

/// Between two colours: 0 is `a`, 1 is `b`.
pub fn blend(a: Colour, b: Colour, share: f32) -> Colour {
    std::array::from_fn(|part| (f32::from(a[part]) * (1.0 - share) + f32::from(b[part]) * share) as u8)
}

/// Paint of one colour.
pub fn paint(colour: Colour, opacity: f32) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color_rgba8(colour[0], colour[1], colour[2], (opacity * 255.0) as u8);
    paint
}

/// Paint that goes from one colour at `from` to another at `to`.
pub fn gradient(from: ([f32; 2], Colour, f32), to: ([f32; 2], Colour, f32)) -> Paint<'static> {
    let stop = |at: f32, [r, g, b]: Colour, opacity: f32| {
        GradientStop::new(at, Color::from_rgba8(r, g, b, (opacity * 255.0) as u8))
    };
    let dot = |[x, y]: [f32; 2]| Dot::from_xy(x, y);
    let stops = vec![stop(0.0, from.1, from.2), stop(1.0, to.1, to.2)];
    let shader = LinearGradient::new(dot(from.0), dot(to.0), stops, SpreadMode::Pad, Transform::identity());
    Paint { shader: shader.unwrap_or(Shader::SolidColor(Color::TRANSPARENT)), ..Paint::default() }
}

/// The outline through these points.
fn polygon(points: impl IntoIterator<Item = [f32; 2]>) -> Option<Path> {
    let mut path = PathBuilder::new();
    for (index, [x, y]) in points.into_iter().enumerate() {
        if index == 0 { path.move_to(x, y) } else { path.line_to(x, y) }
    }
    path.close();
    path.finish()
}

/// Fills an outline; one with nothing in it is left out.
fn fill(canvas: &mut Pixmap, path: Option<Path>, paint: &Paint<'_>, transform: Transform) {
    if let Some(path) = path {
        canvas.fill_path(&path, paint, FillRule::Winding, transform, None);
    }
}

/// A pixmap on which things that face the camera are drawn, in metres.
pub struct Flat<'a> {
    /// Where it is drawn.
    pub canvas: &'a mut Pixmap,
    /// From metres (right, up) to pixels.
    pub place: Transform,
}

impl Flat<'_> {
    /// Pixels a metre has.
    pub fn scale(&self) -> f32 {
        self.place.sx
    }

    fn put(&mut self, path: Option<Path>, colour: Colour) {
        fill(self.canvas, path, &paint(colour, 1.0), self.place);
    }

    /// A polygon.
    pub fn polygon(&mut self, points: &[[f32; 2]], colour: Colour) {
        self.put(polygon(points.iter().copied()), colour);
    }

    /// A shape with round corners: a curve that starts and ends between the points and is drawn to each.
    pub fn blob(&mut self, points: &[[f32; 2]], colour: Colour) {
        let middle = |a: [f32; 2], b: [f32; 2]| [(a[0] + b[0]) / 2.0, (a[1] + b[1]) / 2.0];
        let count = points.len();
        let mut path = PathBuilder::new();
        let [x, y] = middle(points[count - 1], points[0]);
        path.move_to(x, y);
        for at in 0..count {
            let [x, y] = middle(points[at], points[(at + 1) % count]);
            path.quad_to(points[at][0], points[at][1], x, y);
        }
        path.close();
        self.put(path.finish(), colour);
    }

    /// An upright rectangle, from its lower left corner.
    pub fn rect(&mut self, [x, y]: [f32; 2], width: f32, height: f32, colour: Colour) {
        self.polygon(&[[x, y], [x + width, y], [x + width, y + height], [x, y + height]], colour);
    }

    /// An ellipse, from its middle.
    pub fn ellipse(&mut self, [x, y]: [f32; 2], width: f32, height: f32, colour: Colour) {
        let bounds = Rect::from_ltrb(x - width, y - height, x + width, y + height);
        self.put(bounds.and_then(PathBuilder::from_oval), colour);
    }

    /// Darkens an ellipse by this much: a shadow.
    pub fn dim(&mut self, [x, y]: [f32; 2], width: f32, height: f32, opacity: f32) {
        let bounds = Rect::from_ltrb(x - width, y - height, x + width, y + height);
        fill(self.canvas, bounds.and_then(PathBuilder::from_oval), &paint([0, 0, 8], opacity), self.place);
    }

    /// A limb: round at both ends, as thick there as said.
    pub fn limb(&mut self, (a, thick_a): ([f32; 2], f32), (b, thick_b): ([f32; 2], f32), colour: Colour) {
        let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
        let length = (dx * dx + dy * dy).sqrt().max(1e-4);
        let (nx, ny) = (-dy / length, dx / length);
        let mut path = PathBuilder::new();
        path.move_to(a[0] + nx * thick_a, a[1] + ny * thick_a);
        path.line_to(b[0] + nx * thick_b, b[1] + ny * thick_b);
        // The end of a circle, near enough, by a curve that goes 4/3 of its radius beyond.
        let (ex, ey) = (dx / length * thick_b * 1.33, dy / length * thick_b * 1.33);
        let (c, d) = ([b[0] + nx * thick_b, b[1] + ny * thick_b], [b[0] - nx * thick_b, b[1] - ny * thick_b]);
        path.cubic_to(c[0] + ex, c[1] + ey, d[0] + ex, d[1] + ey, d[0], d[1]);
        path.line_to(a[0] - nx * thick_a, a[1] - ny * thick_a);
        let (ex, ey) = (dx / length * thick_a * 1.33, dy / length * thick_a * 1.33);
        let (c, d) = ([a[0] - nx * thick_a, a[1] - ny * thick_a], [a[0] + nx * thick_a, a[1] + ny * thick_a]);
        path.cubic_to(c[0] - ex, c[1] - ey, d[0] - ex, d[1] - ey, d[0], d[1]);
        path.close();
        self.put(path.finish(), colour);
    }

    /// Darkens what is drawn so far towards one side: `light` is -1 for light from the left, 1 from the right.
    pub fn shade(&mut self, light: f32, strength: f32) {
        let (width, height) = (self.canvas.width() as f32, self.canvas.height() as f32);
        let (bright, dark) = if light < 0.0 { (0.25 * width, width) } else { (0.75 * width, 0.0) };
        let mut paint = gradient(([bright, 0.0], [0; 3], 0.0), ([dark, 0.0], [0, 0, 10], strength));
        paint.blend_mode = BlendMode::SourceAtop;
        let all = Rect::from_xywh(0.0, 0.0, width, height).expect("a pixmap has a size");
        self.canvas.fill_rect(all, &paint, Transform::identity(), None);
    }
}

/// A pixmap on which things are drawn in space.
pub struct Space<'a> {
    /// Where it is drawn.
    pub canvas: &'a mut Pixmap,
    /// Where its points lie in the picture.
    pub lens: Lens,
}

impl Space<'_> {
    /// A flat face through these points, as far as it lies in front of the camera.
    pub fn face(&mut self, points: &[Point], colour: Colour) {
        self.face_in(points, &paint(colour, 1.0));
    }

    /// The same, with paint in pixels.
    pub fn face_in(&mut self, points: &[Point], paint: &Paint<'_>) {
        let lens = self.lens;
        let path = polygon(in_front(points).into_iter().map(|point| lens.pixel(point)));
        fill(self.canvas, path, paint, Transform::identity());
    }

    /// A part of the ground: from `left` to `right`, from `near` to `far`.
    pub fn ground(&mut self, [left, right]: [f32; 2], [near, far]: [f32; 2], colour: Colour) {
        self.face(&[[left, 0.0, near], [right, 0.0, near], [right, 0.0, far], [left, 0.0, far]], colour);
    }

    /// A part of a wall that faces the camera.
    pub fn wall(&mut self, [left, right]: [f32; 2], [low, high]: [f32; 2], z: f32, colour: Colour) {
        self.face(&[[left, low, z], [right, low, z], [right, high, z], [left, high, z]], colour);
    }

    /// A part of a wall that runs away from the camera at `x`.
    pub fn side(&mut self, x: f32, [near, far]: [f32; 2], [low, high]: [f32; 2], colour: Colour) {
        self.face(&[[x, low, near], [x, low, far], [x, high, far], [x, high, near]], colour);
    }

    /// A box that stands with its middle at `x`, `z`: what of it the camera sees.
    pub fn cuboid(&mut self, [x, low, z]: Point, [width, height, depth]: Point, colour: Colour) {
        let (left, right) = (x - width / 2.0, x + width / 2.0);
        let (near, far) = (z - depth / 2.0, z + depth / 2.0);
        let high = low + height;
        if left > 0.0 {
            self.side(left, [near, far], [low, high], lit(colour, 0.68));
        }
        if right < 0.0 {
            self.side(right, [near, far], [low, high], lit(colour, 0.78));
        }
        if high < self.lens.above {
            let top = [[left, high, near], [right, high, near], [right, high, far], [left, high, far]];
            self.face(&top, lit(colour, 1.12));
        }
        self.wall([left, right], [low, high], near, lit(colour, 0.9));
    }
}

/// The part of a polygon that lies in front of the camera (Sutherland and Hodgman's clip, at one plane).
fn in_front(points: &[Point]) -> Vec<Point> {
    let mut kept = Vec::with_capacity(points.len() + 2);
    for (at, &point) in points.iter().enumerate() {
        let before = points[(at + points.len() - 1) % points.len()];
        if (before[2] < NEAR) != (point[2] < NEAR) {
            let share = (NEAR - before[2]) / (point[2] - before[2]);
            kept.push(std::array::from_fn(|axis| before[axis] + (point[axis] - before[axis]) * share));
        }
        if point[2] >= NEAR {
            kept.push(point);
        }
    }
    kept
}
