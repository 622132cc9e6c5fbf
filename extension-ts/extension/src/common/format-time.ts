const TODAY = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit', second: '2-digit' });
const BEFORE = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric', hour: 'numeric', minute: '2-digit' });

/** How a moment, in milliseconds since 1970, is told in lists that have little room: the year goes without saying. */
export function formatTime(time: number): string {
    const isToday = new Date(time).toDateString() === new Date().toDateString();
    return (isToday ? TODAY : BEFORE).format(time);
}
