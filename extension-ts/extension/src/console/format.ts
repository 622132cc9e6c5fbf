export function formatBytes(bytes: number): string {
    if (bytes < 1_000) {
        return `${bytes} B`;
    }
    return bytes < 1_000_000 ? `${(bytes / 1_000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** @param milliseconds of a duration. */
export function formatDuration(milliseconds: number): string {
    if (milliseconds < 1_000) {
        return `${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)} ms`;
    }
    return `${(milliseconds / 1_000).toFixed(2)} s`;
}

/** @param time milliseconds since 1970. */
export function formatClock(time: number): string {
    const at = new Date(time);
    const padded = (value: number, digits: number) => String(value).padStart(digits, '0');
    return `${padded(at.getHours(), 2)}:${padded(at.getMinutes(), 2)}:${padded(at.getSeconds(), 2)}.${padded(at.getMilliseconds(), 3)}`;
}
