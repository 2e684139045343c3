// The reader's time zone, for the next page: the server writes all times.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone) document.cookie = `tbot_timezone=${encodeURIComponent(zone)}; path=/panel/; SameSite=Lax`;
