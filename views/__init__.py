"""Map/reduce views, JavaScript only: views/<design>/<view>/map.js and reduce."""
