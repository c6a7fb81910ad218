local function spare() end -- want: the local spare is never read
