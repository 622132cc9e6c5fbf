import { serverUrl } from '../connection/browser-surroundings';

/** The login page's address, which leads back to what is shown now. */
export function loginUrl(): string {
    const url = serverUrl('login');
    url.searchParams.set('next', location.pathname + location.search + location.hash);
    return url.toString();
}
