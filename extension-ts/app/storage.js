// Comes before all else in the application. A browser that blocks cookies of other sites keeps the page in a frame of
// one from storing anything, by throwing at the mere mention. Theia uses it as a cache only, so it gets one that lasts
// as long as the page; what is to be kept is kept on the server.
if (typeof document !== 'undefined') {
    try {
        window.localStorage.getItem('');
    } catch {
        const entries = new Map();
        const storage = {
            get length() { return entries.size; },
            key: index => [...entries.keys()][index] ?? null,
            getItem: key => entries.get(String(key)) ?? null,
            setItem: (key, value) => { entries.set(String(key), String(value)); },
            removeItem: key => { entries.delete(String(key)); },
            clear: () => entries.clear()
        };
        for (const name of ['localStorage', 'sessionStorage']) {
            Object.defineProperty(window, name, { value: storage, configurable: true });
        }
        delete window.indexedDB;
    }
}
