local spare = 1 -- want: the local spare is never read; remove it, or name it _spare
