// A read-out under the pointer. The page is complete without it.
for (const canvas of document.querySelectorAll('.canvas[data-readings]')) {
  const { at, labels, lines } = JSON.parse(canvas.dataset.readings);
  const drawing = canvas.querySelector('.lines');
  const here = document.createElement('div');
  const reading = document.createElement('div');
  here.className = 'here';
  reading.className = 'reading';
  const leave = () => { here.remove(); reading.remove(); };
  canvas.addEventListener('pointerleave', leave);
  canvas.addEventListener('pointermove', (event) => {
    const area = drawing.getBoundingClientRect();
    const frame = canvas.getBoundingClientRect();
    const place = (event.clientX - area.left) / area.width * 1000;
    let nearest = 0;
    at.forEach((x, index) => { if (Math.abs(x - place) < Math.abs(at[nearest] - place)) nearest = index; });
    const left = area.left - frame.left + at[nearest] / 1000 * area.width;
    const rows = [[labels[nearest], '']].concat(lines.map(([name, values]) => [name, values[nearest] || '–']));
    reading.replaceChildren(...rows.map((row) => {
      const line = document.createElement('div');
      line.append(...row.map((text) => Object.assign(document.createElement('span'), { textContent: text })));
      return line;
    }));
    canvas.append(here, reading);
    here.style.left = `${left}px`;
    reading.style.left = `${Math.max(0, Math.min(left + 12, frame.width - reading.offsetWidth))}px`;
    if (left + 12 + reading.offsetWidth > frame.width) reading.style.left = `${Math.max(0, left - 12 - reading.offsetWidth)}px`;
  });
}
